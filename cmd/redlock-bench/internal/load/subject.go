package load

import (
	"context"
	"errors"
	"fmt"

	"github.com/a5bbb083/redlock/cmd/internal/loadgen"
	"github.com/a5bbb083/redlock/redlock"
)

// Subject is a lock to measure.
type Subject struct {
	Name  string
	About string // one line
	// SingleNode tells that it uses one node, the middle one.
	SingleNode bool
	// Command runs a program that is a client of it, see [loadgen.Serve].
	Command []string
}

// modes are the options of this module's lock, by the subject's name.
var modes = map[string][]redlock.Option{
	"plain":   {redlock.WithoutFencing()},
	"fenced":  {redlock.WithoutGuards()},
	"guarded": nil,
}

// Own returns the subjects that are built in. The command runs this program as a client; the subject's
// name is added to it.
func Own(command []string) []Subject {
	own := []Subject{
		{Name: "plain", About: "this module's lock WithoutFencing: SET NX PX on a majority, as classic Redlock"},
		{Name: "fenced", About: "this module's lock WithoutGuards: with fencing tokens"},
		{Name: "guarded", About: "this module's lock with its defaults: fencing tokens and guards"},
	}
	return withCommand(own, command)
}

// Peers returns the subjects of cmd/redlock-peers, the first of which the others are compared with.
func Peers(command []string) []Subject {
	peers := []Subject{
		{Name: "redsync", About: "github.com/go-redsync/redsync"},
		{Name: "rueidislock-1", About: "github.com/redis/rueidis/rueidislock on one node", SingleNode: true},
		{Name: "bsm-1", About: "github.com/bsm/redislock on one node", SingleNode: true},
	}
	return withCommand(peers, command)
}

func withCommand(subjects []Subject, command []string) []Subject {
	for i := range subjects {
		subjects[i].Command = append(command[:len(command):len(command)], subjects[i].Name)
	}
	return subjects
}

// Open makes a client of one of the subjects that are built in.
func Open(ctx context.Context, c loadgen.Client) (loadgen.Locker, error) {
	options, known := modes[c.Subject]
	if !known {
		return nil, fmt.Errorf("load: there is no subject %q", c.Subject)
	}
	l, err := redlock.Dial(ctx, c.Nodes, append(options[:len(options):len(options)], redlock.WithTTL(c.TTL))...)
	if err != nil {
		return nil, err
	}
	return locker{l}, nil
}

type locker struct{ locks *redlock.Locker }

func (l locker) Lock(ctx context.Context, name string) (loadgen.Lease, error) {
	return asLease(l.locks.Lock(ctx, name))
}

func (l locker) TryLock(ctx context.Context, name string) (loadgen.Lease, error) {
	return asLease(l.locks.TryLock(ctx, name))
}

func (l locker) Close() error { return l.locks.Close() }

// kinds are the errors that are told apart, the narrower ones first.
var kinds = []struct {
	err  error
	name string
}{
	{redlock.ErrNotAcquired, "taken"},
	{redlock.ErrLost, "lost"},
	{redlock.ErrQuarantined, "quarantined"},
	{redlock.ErrUnfit, "unfit"},
	{redlock.ErrNoQuorum, "no quorum"},
	{redlock.ErrClosed, "closed"},
}

func (l locker) Kind(err error) string {
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.name
		}
	}
	return loadgen.Kind(err)
}

type lease struct{ lock *redlock.Lock }

func asLease(lock *redlock.Lock, err error) (loadgen.Lease, error) {
	if err != nil {
		return nil, err
	}
	return lease{lock}, nil
}

func (l lease) Release(ctx context.Context) error { return l.lock.Unlock(ctx) }
