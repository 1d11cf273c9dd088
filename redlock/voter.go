package redlock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/quorum"
)

// request is one operation on one lock, the same for every voter.
type request struct {
	op    operation
	name  string
	token string
	ttl   time.Duration
	// fenced locks have a record; fence is the proposal when acquiring, the lock's fencing
	// token otherwise, and the enrolment's number for an admission.
	fenced bool
	fence  int64
	// restore asks an extension to take the lock back where the voter lost it, and an admission
	// to shorten a longer wait.
	restore bool
	// deadline is until when the holder may believe in the lock; 0 without guards. For an
	// admission it's from when on the voter votes.
	deadline unixMicro
	now      span // when the request was made; void without guards
}

// needsMarker reports whether a request's answer depends on the server being fit to vote.
func (r *request) needsMarker() bool { return r.op != opRelease && r.op != opAdmit }

// status is the first element of a script's reply.
type status int64

const (
	statusOK          status = 1
	statusHeld        status = 0
	statusGone        status = -1
	statusQuarantined status = -3
	statusAstray      status = -5
)

var outcomeOf = map[status]Outcome{
	statusOK: Granted, statusHeld: Held, statusGone: Gone,
	statusQuarantined: Quarantined, statusAstray: ClockSuspect,
}

type reply struct {
	status status
	time   unixMicro // by the server's clock; 0 where it doesn't say
	// value is the register of a fenced lock. Where an acquisition was refused since another
	// holds the lock, it's the key's PTTL.
	value int64
	// until is how long a refusal will last, by the agreed time; 0 if only the key's PTTL tells.
	until  unixMicro
	marker marker // void without guards
}

// voter sends requests to one Redis node. It's the [quorum.Transport] of this package.
type voter struct {
	client redis.UniversalClient
	index  int
	// cluster voters have no marker and no single clock, and two keys have to share a slot there.
	cluster bool
	guard   *guard     // nil without guards
	link    connection // for the diagnosis of errors

	mu       sync.Mutex
	answered time.Time // when it last answered all that it was asked without an error
	lastErr  error
	failed   time.Time // when lastErr was
}

var _ quorum.Transport[request, reply] = (*voter)(nil)

// Exchange sends the requests in one pipeline, and those whose first answer isn't conclusive in
// a second one: scripts that the server doesn't know (yet, or since its restart), and plain
// acquisitions that were refused. What follows them under the same name is sent again, too, or a
// release would have overtaken the request that it undoes. All requests bear repetition.
func (v *voter) Exchange(ctx context.Context, requests []request, answers []quorum.Answer[reply]) {
	pending := make([]int, len(requests))
	for i := range requests {
		pending[i] = i
	}
	for _, full := range []bool{false, true} {
		if len(pending) > 0 {
			pending = v.pass(ctx, requests, answers, pending, full)
		}
	}
	v.remember(answers)
}

// remember notes how an exchange went, for [Locker.Voters].
func (v *voter) remember(answers []quorum.Answer[reply]) {
	now := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, a := range answers {
		if a.Err != nil {
			v.lastErr, v.failed = a.Err, now
			return
		}
	}
	v.answered = now
}

// pass sends the pending requests and returns those that have to be asked again in full.
func (v *voter) pass(ctx context.Context, requests []request, answers []quorum.Answer[reply], pending []int, full bool) (again []int) {
	pipe := v.client.Pipeline()
	look := v.look(ctx, pipe, requests, pending, full)
	cmds := make([]redis.Cmder, len(pending))
	for n, i := range pending {
		cmds[n] = v.queue(ctx, pipe, &requests[i], full)
	}
	sent := v.reading()
	_, err := pipe.Exec(ctx)
	if look != nil {
		cmds = append(cmds, look)
	}
	if err != nil && !anyFailed(cmds) {
		// The connection couldn't be set up (AUTH, SELECT or HELLO was refused), so nothing was sent.
		for _, i := range pending {
			answers[i].Err = err
		}
		return nil
	}
	m, unfit := v.seen(look, sent)
	latest := unixMicro(0)
	for n, i := range pending {
		r, cmd := &requests[i], cmds[n]
		if !full && (inconclusive(r, cmd) || (r.needsMarker() && unknownScript(unfit))) {
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
		latest = max(latest, answers[i].Reply.time)
		if r.op == opAdmit && answers[i].Err == nil {
			v.guard.enrolled(v.index, answers[i].Reply.marker)
			continue
		}
		answers[i].Reply.marker = m
		if unfit != nil && r.needsMarker() && answers[i].Err == nil {
			answers[i].Err = unfit
		}
	}
	if v.guarded() && latest != 0 {
		v.guard.observe(v.index, sent, latest)
	}
	return again
}

// anyFailed reports whether one of the commands has an error of its own.
func anyFailed(cmds []redis.Cmder) bool {
	return slices.ContainsFunc(cmds, func(c redis.Cmder) bool { return c != nil && c.Err() != nil })
}

func (v *voter) guarded() bool { return v.guard != nil && !v.cluster }

func (v *voter) reading() time.Duration {
	if v.guard == nil {
		return 0
	}
	return v.guard.clock.Now()
}

// look adds the first command of a batch that asks for votes: which time is it, and may the
// server vote? It returns nil where nobody wants to know.
func (v *voter) look(ctx context.Context, pipe redis.Pipeliner, requests []request, pending []int, full bool) *redis.Cmd {
	if !v.guarded() || !slices.ContainsFunc(pending, func(i int) bool { return requests[i].needsMarker() }) {
		return nil
	}
	return runScript(ctx, pipe, opLook, full, []string{markerKey}, []any{v.guard.number(v.index), v.guard.durable})
}

// seen takes in what the server said about itself.
func (v *voter) seen(look *redis.Cmd, sent time.Duration) (marker, error) {
	if look == nil {
		return marker{}, nil
	}
	values, err := look.Int64Slice()
	if err == nil && len(values) != 4 {
		err = fmt.Errorf("it returned %d values", len(values))
	}
	if err != nil {
		return marker{}, err
	}
	v.guard.observe(v.index, sent, unixMicro(values[0]))
	m := markerOf(values)
	v.guard.enrolled(v.index, m)
	return m, nil
}

// markerOf reads the reply of enrol.lua and admit.lua.
func markerOf(values []int64) marker {
	return marker{number: values[1], until: unixMicro(values[2]), longest: time.Duration(values[3]) * time.Millisecond}
}

// inconclusive reports whether a request has to be asked again in full.
func inconclusive(r *request, cmd redis.Cmder) bool {
	if r.op == opLook {
		return false
	}
	if set, plain := cmd.(*redis.BoolCmd); plain {
		// Refused, but perhaps by ourselves: a client library that sends the command again
		// after a broken connection reads its own lock as taken.
		return cmd.Err() == nil && !set.Val()
	}
	return unknownScript(cmd.Err())
}

// queue adds the request's command to the pipeline, if it has one: a script by its hash or in
// full, or a plain command.
func (v *voter) queue(ctx context.Context, pipe redis.Pipeliner, r *request, full bool) redis.Cmder {
	switch {
	case r.op == opLook:
		return nil // the batch begins with it
	case r.op == opAcquire && !r.fenced && full:
		return pipe.Get(ctx, r.name)
	case r.op == opAcquire && !r.fenced:
		return pipe.SetNX(ctx, r.name, r.token, r.ttl)
	}
	return runScript(ctx, pipe, r.op, full, v.keys(r), v.args(r))
}

func (v *voter) keys(r *request) []string {
	switch {
	case r.op == opAdmit:
		return []string{markerKey}
	case !r.fenced:
		return []string{r.name}
	case v.guarded() && (r.op == opAcquire || r.op == opExtend):
		return []string{r.name, recordKey(r.name, v.cluster), markerKey}
	}
	return []string{r.name, recordKey(r.name, v.cluster)}
}

func (v *voter) args(r *request) []any {
	life := recordLife.Milliseconds()
	deadline, earliest, latest := int64(r.deadline), int64(r.now.earliest), int64(r.now.latest)
	switch r.op {
	case opAcquire:
		return []any{r.token, r.ttl.Milliseconds(), r.fence, life, deadline, earliest, latest}
	case opConfirm:
		return []any{r.token, r.fence, life}
	case opExtend:
		return []any{r.token, r.ttl.Milliseconds(), r.restore, life, deadline, earliest, latest, r.fence}
	case opExtendPlain:
		return []any{r.token, r.ttl.Milliseconds(), r.restore}
	case opAdmit:
		return []any{r.fence, deadline, r.ttl.Milliseconds(), r.restore}
	default:
		return []any{r.token, life}
	}
}

func (r *request) parse(cmd redis.Cmder) (reply, error) {
	switch cmd := cmd.(type) {
	case nil: // opLook
		return reply{status: statusOK}, nil
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
		if err != nil {
			return reply{}, err
		}
		return r.parseScript(values)
	}
	panic(fmt.Sprintf("redlock: unexpected command %T", cmd))
}

func (r *request) parseScript(values []int64) (reply, error) {
	switch {
	case r.op == opAdmit && len(values) == 4:
		return reply{status: statusOK, time: unixMicro(values[0]), marker: markerOf(values)}, nil
	case len(values) == 4:
		return reply{status: status(values[0]), time: unixMicro(values[1]), value: values[2], until: unixMicro(values[3])}, nil
	case len(values) == 1:
		return reply{status: status(values[0])}, nil
	}
	return reply{}, fmt.Errorf("redlock: the %v script returned %d values; is there a proxy that doesn't support scripts?", r.op, len(values))
}
