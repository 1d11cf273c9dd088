package redlock

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/quorum"
)

// operation is what a request asks of a voter.
type operation uint8

const (
	opAcquire operation = iota
	opConfirm
	opExtend
	opRelease
)

var operationNames = [...]string{"acquire", "confirm", "extend", "release"}

func (op operation) String() string { return operationNames[op] }

var (
	//go:embed scripts/grant.lua
	grantSource string
	//go:embed scripts/confirm.lua
	confirmSource string
	//go:embed scripts/extend.lua
	extendSource string
	//go:embed scripts/release.lua
	releaseSource string

	scripts = [...]*redis.Script{
		opAcquire: redis.NewScript(grantSource),
		opConfirm: redis.NewScript(confirmSource),
		opExtend:  redis.NewScript(extendSource),
		opRelease: redis.NewScript(releaseSource),
	}
)

// request is one operation on one lock, the same for every voter.
type request struct {
	op    operation
	name  string
	token string
	ttl   time.Duration
	// fenced locks have a register; fence is the proposal when acquiring, the lock's fencing
	// token otherwise.
	fenced bool
	fence  int64
	// restore asks an extension to take the lock back where the voter lost it.
	restore bool
}

// status is the first element of a script's reply.
type status int64

const (
	statusOK         status = 1
	statusHeld       status = 0
	statusGone       status = -1
	statusSuperseded status = -2
)

func (s status) outcome() Outcome {
	switch s {
	case statusOK:
		return Granted
	case statusHeld:
		return Held
	case statusGone:
		return Gone
	default:
		return Superseded
	}
}

type reply struct {
	status status
	// value is the register of a fenced grant or confirmation, or, where an acquisition was
	// refused, how many milliseconds the other's lock still lives.
	value int64
}

// voter sends requests to one Redis node. It's the [quorum.Transport] of this package.
type voter struct {
	client redis.UniversalClient
	node   string
}

var _ quorum.Transport[request, reply] = (*voter)(nil)

// Exchange sends the requests in one pipeline. What has to be asked again goes into a second
// one: scripts that the server doesn't know (yet, or since its restart), and plain
// acquisitions that were refused.
func (v *voter) Exchange(ctx context.Context, requests []request, answers []quorum.Answer[reply]) {
	pipe := v.client.Pipeline()
	cmds := make([]redis.Cmder, len(requests))
	for i := range requests {
		cmds[i] = requests[i].queue(ctx, pipe)
	}
	_, _ = pipe.Exec(ctx) // each command has its own error, too
	var again redis.Pipeliner
	for i, cmd := range cmds {
		r := &requests[i]
		second := r.second(cmd)
		if second == nil {
			answers[i].Reply, answers[i].Err = r.parse(cmd)
			cmds[i] = nil
			continue
		}
		if again == nil {
			again = v.client.Pipeline()
		}
		cmds[i] = second(ctx, again)
	}
	if again == nil {
		return
	}
	_, _ = again.Exec(ctx)
	for i, cmd := range cmds {
		if cmd != nil {
			answers[i].Reply, answers[i].Err = requests[i].parse(cmd)
		}
	}
}

// queue adds the request's command to the pipeline.
func (r *request) queue(ctx context.Context, pipe redis.Pipeliner) redis.Cmder {
	if r.op == opAcquire && !r.fenced {
		return pipe.SetNX(ctx, r.name, r.token, r.ttl)
	}
	return scripts[r.op].EvalSha(ctx, pipe, r.keys(), r.args()...)
}

// second returns how to ask again after the first answer, or nil if that was conclusive.
func (r *request) second(first redis.Cmder) func(context.Context, redis.Pipeliner) redis.Cmder {
	set, plain := first.(*redis.BoolCmd)
	switch {
	case plain && first.Err() == nil && !set.Val():
		// Refused, but perhaps by ourselves: a client library that sends the command again
		// after a broken connection reads its own lock as taken.
		return func(ctx context.Context, pipe redis.Pipeliner) redis.Cmder { return pipe.Get(ctx, r.name) }
	case redis.HasErrorPrefix(first.Err(), "NOSCRIPT"):
		return func(ctx context.Context, pipe redis.Pipeliner) redis.Cmder {
			return scripts[r.op].Eval(ctx, pipe, r.keys(), r.args()...)
		}
	}
	return nil
}

func (r *request) keys() []string {
	if r.fenced && r.op != opRelease {
		return []string{r.name, fenceKey(r.name)}
	}
	return []string{r.name}
}

func (r *request) args() []any {
	switch r.op {
	case opAcquire:
		return []any{r.token, r.ttl.Milliseconds(), r.fence, registerLife.Milliseconds()}
	case opConfirm:
		return []any{r.token, r.fence, registerLife.Milliseconds()}
	case opExtend:
		return []any{r.token, r.ttl.Milliseconds(), r.restore, r.fence, registerLife.Milliseconds()}
	default:
		return []any{r.token}
	}
}

func (r *request) parse(cmd redis.Cmder) (reply, error) {
	switch cmd := cmd.(type) {
	case *redis.BoolCmd: // SET NX PX
		if err := cmd.Err(); err != nil {
			return reply{}, err
		}
		return reply{status: statusOK}, nil // a refusal is asked again
	case *redis.StringCmd: // GET after a refused SET NX PX
		owner, err := cmd.Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return reply{}, err
		}
		if owner == r.token {
			return reply{status: statusOK}, nil
		}
		return reply{status: statusHeld}, nil
	case *redis.Cmd:
		values, err := cmd.Int64Slice()
		switch {
		case err != nil:
			return reply{}, err
		case len(values) == 0:
			return reply{}, fmt.Errorf("redlock: the %v script returned nothing; is there a proxy that doesn't support scripts?", r.op)
		case len(values) == 1:
			return reply{status: status(values[0])}, nil
		}
		return reply{status: status(values[0]), value: values[1]}, nil
	}
	panic(fmt.Sprintf("redlock: unexpected command %T", cmd))
}
