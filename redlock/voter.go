package redlock

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
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
	opEnrol
)

var operationNames = [...]string{"acquire", "confirm", "extend", "release", "enrol"}

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
	//go:embed scripts/enrol.lua
	enrolSource string

	scripts = [...]*redis.Script{
		opAcquire: redis.NewScript(grantSource),
		opConfirm: redis.NewScript(confirmSource),
		opExtend:  redis.NewScript(extendSource),
		opRelease: redis.NewScript(releaseSource),
		opEnrol:   redis.NewScript(enrolSource),
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
	// notAfter is the reading of the holder's clock from which on nobody wants the lock to
	// be planted any more.
	notAfter time.Duration
}

// status is the first element of a script's reply.
type status int64

const (
	statusOK          status = 1
	statusHeld        status = 0
	statusGone        status = -1
	statusQuarantined status = -3
	statusLate        status = -4
)

var outcomeOf = map[status]Outcome{
	statusOK: Granted, statusHeld: Held, statusGone: Gone,
	statusQuarantined: Quarantined, statusLate: Late,
}

type reply struct {
	status status
	// value is the register of a fenced lock. Where an acquisition was refused, it's for how many
	// milliseconds that will last.
	value int64
	// time is the voter's when it granted, in microseconds since the Unix epoch; 0 otherwise.
	time int64
	// maxTTL is what the voter's quarantine was measured by; 0 without guards.
	maxTTL time.Duration
}

// voter sends requests to one Redis node. It's the [quorum.Transport] of this package.
type voter struct {
	client redis.UniversalClient
	guard  *guard // nil without guards
}

var _ quorum.Transport[request, reply] = (*voter)(nil)

// Exchange sends the requests in one pipeline, and those whose first answer isn't conclusive in
// a second one: scripts that the server doesn't know (yet, or since its restart), and plain
// acquisitions that were refused. What follows them under the same name is sent again, too, or a
// release would have overtaken the request that it undoes. All requests bear repetition.
func (v *voter) Exchange(ctx context.Context, requests []request, answers []quorum.Answer[reply]) {
	if err := v.introduce(ctx); err != nil {
		for i := range answers {
			answers[i].Err = err
		}
		return
	}
	pending := make([]int, 0, len(requests))
	for i := range requests {
		if v.late(&requests[i]) {
			answers[i].Reply.status = statusLate
		} else {
			pending = append(pending, i)
		}
	}
	for _, full := range []bool{false, true} {
		if len(pending) > 0 {
			pending = v.pass(ctx, requests, answers, pending, full)
		}
	}
}

// late reports whether a request that waited, for its turn or for the introduction, has nobody
// to plant a lock for any more.
func (v *voter) late(r *request) bool {
	return v.guard != nil && r.notAfter != 0 && v.guard.clock.Now() >= r.notAfter
}

// pass sends the pending requests and returns those that have to be asked again in full.
func (v *voter) pass(ctx context.Context, requests []request, answers []quorum.Answer[reply], pending []int, full bool) (again []int) {
	pipe := v.client.Pipeline()
	enrolment := v.enrol(ctx, pipe, requests, pending, full)
	cmds := make([]redis.Cmder, len(pending))
	for n, i := range pending {
		cmds[n] = v.queue(ctx, pipe, &requests[i], full)
	}
	sent := enrolment.now()
	_, _ = pipe.Exec(ctx) // each command has its own error, too
	maxTTL, unfit := enrolment.conclude(sent)
	latest := int64(0)
	for n, i := range pending {
		r, cmd := &requests[i], cmds[n]
		if !full && (inconclusive(r, cmd) || (r.needsGuard() && unknownScript(unfit))) {
			again = append(again, i)
			continue
		}
		overtook := func(earlier int) bool { return requests[earlier].name == r.name }
		if !full && slices.ContainsFunc(again, overtook) {
			again = append(again, i)
		}
		if answers[i].Reply.status == statusOK {
			continue // it was effective the first time
		}
		answers[i].Reply, answers[i].Err = r.parse(cmd)
		answers[i].Reply.maxTTL = maxTTL
		latest = max(latest, answers[i].Reply.time)
		if unfit != nil && r.needsGuard() && answers[i].Err == nil {
			answers[i].Err = unfit
		}
	}
	enrolment.granted(sent, latest, maxTTL)
	return again
}

func unknownScript(err error) bool { return redis.HasErrorPrefix(err, "NOSCRIPT") }

// inconclusive reports whether a request has to be asked again in full.
func inconclusive(r *request, cmd redis.Cmder) bool {
	if set, plain := cmd.(*redis.BoolCmd); plain {
		// Refused, but perhaps by ourselves: a client library that sends the command again
		// after a broken connection reads its own lock as taken.
		return cmd.Err() == nil && !set.Val()
	}
	return unknownScript(cmd.Err())
}

// queue adds the request's command to the pipeline: scripts by their hash, or in full.
func (v *voter) queue(ctx context.Context, pipe redis.Pipeliner, r *request, full bool) redis.Cmder {
	plain := r.op == opAcquire && !r.fenced
	switch {
	case plain && full:
		return pipe.Get(ctx, r.name)
	case plain:
		return pipe.SetNX(ctx, r.name, r.token, r.ttl)
	}
	return runScript(ctx, pipe, r.op, full, v.keys(r), v.args(r))
}

func runScript(ctx context.Context, pipe redis.Pipeliner, op operation, full bool, keys []string, args []any) *redis.Cmd {
	if full {
		return scripts[op].Eval(ctx, pipe, keys, args...)
	}
	return scripts[op].EvalSha(ctx, pipe, keys, args...)
}

func (v *voter) keys(r *request) []string {
	switch {
	case r.op == opAcquire && v.guard != nil:
		return []string{r.name, fenceKey(r.name), markerKey}
	case r.fenced && r.op != opRelease:
		return []string{r.name, fenceKey(r.name)}
	}
	return []string{r.name}
}

func (v *voter) args(r *request) []any {
	life := registerLife.Milliseconds()
	switch r.op {
	case opAcquire:
		args := []any{r.token, r.ttl.Milliseconds(), r.fence, life}
		if v.guard != nil {
			args = append(args, v.guard.notAfter(r.notAfter), v.guard.maxTTL().Milliseconds())
		}
		return args
	case opConfirm:
		return []any{r.token, r.fence, life}
	case opExtend:
		return []any{r.token, r.ttl.Milliseconds(), r.restore, r.fence, life, v.guard.notAfter(r.notAfter)}
	default:
		return []any{r.token}
	}
}

func (r *request) parse(cmd redis.Cmder) (reply, error) {
	switch cmd := cmd.(type) {
	case *redis.BoolCmd: // SET NX PX; a refusal is asked again
		return reply{status: statusOK}, cmd.Err()
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
		r := reply{status: status(values[0]), value: values[1]}
		if len(values) > 2 {
			r.time = values[2]
		}
		return r, nil
	}
	panic(fmt.Sprintf("redlock: unexpected command %T", cmd))
}
