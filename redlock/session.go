package redlock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/quorum"
	"github.com/a5bbb083/redlock/redlock/internal/guard"
)

// workersPerVoter is how many sessions a voter has, each with its worker: while one waits for the server,
// another sends.
const workersPerVoter = 2

// sessionIdle is how long a session keeps its connection between two exchanges.
//
// What a server did before it was asked last, it told then. What it has done since and forgotten to tell:
// a restart ends the connection, and emptying it takes its marker, which every grant reads. What's left is that it was made a replica and a
// master again without a request of ours in between, which as a replica it would have refused. A replica
// first takes over its master's data, which takes longer than this: a master starts to send it after repl-diskless-sync-delay
// (5 s by default), or when a child process has written it to disk, which it looks for every 100 ms.
const sessionIdle = 10 * time.Millisecond

// session is the conversation of one worker with a voter. It holds on to one connection as long as there's much to
// say, because what a server is, and since when, needs to be asked only once on each. It's the
// [quorum.Transport] of this package.
type session struct {
	voter   *voter
	timeout time.Duration // of an exchange
	timely  bool          // the client has no longer time-outs
	sticks  bool          // it holds on to a connection

	mu      sync.Mutex  // exchanges are one at a time; the timer is another matter
	conn    *redis.Conn // nil while there's none
	pipe    redis.Pipeliner
	reached bool           // the last pass had a connection that could be set up
	looked  bool           // the server at its other end was found to be enrolled
	server  guard.ServerID // which one that is
	idle    *time.Timer    // ends the conversation
	carried []carried      // of a pass

	known familiarity
}

var _ quorum.Transport[*request, reply] = (*session)(nil)

// newSession returns one of a voter's sessions. Only a client of a single server has connections to hold on to, and
// it must have enough for all sessions.
func newSession(v *voter, timeout time.Duration, timely bool) *session {
	s := &session{voter: v, timeout: timeout, timely: timely}
	c, single := v.client.(*redis.Client)
	if s.sticks = single && c.Options().PoolSize >= workersPerVoter; s.sticks {
		s.idle = time.AfterFunc(time.Hour, s.tire)
		s.idle.Stop()
	}
	return s
}

// tire runs when nothing was said for a while. An exchange that has just begun goes on, and nobody waits for it.
func (s *session) tire() {
	if s.mu.TryLock() {
		defer s.mu.Unlock()
		s.hangUp()
	}
}

// rest gives the connection back to its client.
func (s *session) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hangUp()
}

// hangUp is rest for who holds mu. A connection that broke is closed, which is the client's business.
func (s *session) hangUp() {
	if s.conn != nil {
		_ = s.conn.Close() // of the session, never of a client; the error of one that's closed already
	}
	s.conn, s.pipe, s.looked = nil, nil, false
}

// connect makes sure that there's a pipeline for the next commands, and bounds them.
func (s *session) connect(ctx context.Context) (context.Context, context.CancelFunc) {
	connected := s.sticks && s.conn != nil
	switch {
	case connected:
	case s.sticks:
		s.conn, s.looked = s.voter.client.(*redis.Client).Conn(), false
		s.pipe = s.conn.Pipeline()
	default:
		s.pipe, s.looked = s.voter.client.Pipeline(), false // it may be any connection
	}
	if connected && s.timely {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.timeout)
}

// Exchange sends the requests in one pipeline, and those whose first answer isn't conclusive in
// a second one: scripts that the server doesn't know (yet, or since its restart), plain
// acquisitions that were refused, and what shared a command with an error. Releases that their user has no right to alone, either, are
// sent once more without the line. What follows them under the same name is sent again, too, or a
// release would have overtaken the request that it undoes. All requests bear repetition.
func (s *session) Exchange(ctx context.Context, requests []*request, answers []quorum.Answer[reply]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sticks {
		s.idle.Stop()
		defer s.idle.Reset(sessionIdle)
	}
	bounded, cancel := s.connect(ctx)
	defer cancel()
	again := s.pass(bounded, requests, answers, nil)
	for more := 2; len(again) > 0 && more > 0; more-- {
		again = s.pass(bounded, requests, answers, again)
	}
	s.knock(ctx, answers)
	s.voter.remember(requests, answers, s.reached)
	s.known.note(requests, answers)
	if s.voter.changed != nil && ctx.Err() == nil { // what ends with the locker says nothing of the voter
		s.voter.changed()
	}
	if slices.ContainsFunc(answers, func(a quorum.Answer[reply]) bool { return a.Err != nil }) {
		s.hangUp() // the next exchange begins with a look
	}
}

// knock finds out whether anybody listens at all, where an exchange has come to nothing. A client with go-redis's options
// dials again and again for longer than an exchange may take, and doesn't tell why.
func (s *session) knock(ctx context.Context, answers []quorum.Answer[reply]) {
	c, single := s.voter.client.(*redis.Client)
	slow := func(a quorum.Answer[reply]) bool { return errors.Is(a.Err, context.DeadlineExceeded) }
	if s.timely || !single || ctx.Err() != nil || !slices.ContainsFunc(answers, slow) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout/20) // a refusal takes one round trip
	defer cancel()
	conn, err := c.Options().Dialer(ctx, c.Options().Network, c.Options().Addr)
	if err == nil {
		_ = conn.Close() // nothing was said on it
		return
	}
	for i, a := range answers {
		if slow(a) && errors.Is(err, syscall.ECONNREFUSED) {
			answers[i].Err = fmt.Errorf("%w; its client goes on trying: %w", err, a.Err)
		}
	}
}

// pass sends the requests, or only those that are asked again, and returns those that have to be asked once more.
func (s *session) pass(ctx context.Context, requests []*request, answers []quorum.Answer[reply], only []retry) (again []retry) {
	enrols := slices.ContainsFunc(requests, (*request).enrols)
	look := s.look(ctx, requests, enrols, only != nil)
	carried := s.queue(ctx, requests, answers, only)
	defer clear(carried)
	sent := s.voter.reading()
	_, err := s.pipe.Exec(ctx)
	s.reached = err == nil || anyFailed(carried) || (look != nil && look.Err() != nil)
	if !s.reached {
		// The connection couldn't be set up (AUTH, SELECT or HELLO was refused), so nothing was sent.
		for i := range requests {
			if carried[i].of > 0 {
				answers[i].Err = err
			}
		}
		return nil
	}
	m, unfit := s.seen(look, enrols, sent)
	latest := guard.Time(0)
	for i, r := range requests {
		if carried[i].of == 0 {
			continue
		}
		form, next := carried[i].next(r)
		if only == nil && r.needsLook() && unknownScript(unfit) {
			form, next = alone, true
		}
		overtaken := slices.ContainsFunc(again, func(earlier retry) bool { return requests[earlier.request].name == r.name })
		if _, plain := carried[i].cmd.(*redis.BoolCmd); next && plain && overtaken {
			form = together // what refused it may be what the earlier one gives back
		}
		if next {
			answers[i].Err = carried[i].err()
			again = append(again, retry{i, form})
			continue
		}
		if overtaken {
			again = append(again, retry{i, max(carried[i].form, alone)})
		}
		if answers[i].Reply.status == statusOK {
			continue // it was effective the first time
		}
		answers[i].Reply, answers[i].Err = r.parse(carried[i])
		latest = max(latest, answers[i].Reply.time)
		switch {
		case answers[i].Err != nil:
		case unfit != nil && r.needsLook():
			answers[i].Err = unfit
		case r.op == opAdmit:
			s.voter.guard.Enrolled(s.voter.index, *answers[i].Reply.marker)
		case r.op == opTell:
			s.voter.guard.Told(s.voter.index, *answers[i].Reply.known)
		case r.op == opLook:
			answers[i].Reply.marker = m
		case answers[i].Reply.status == statusWrongQuorum:
			s.looked = false // the next look says for whom it votes
		case answers[i].Reply.status == statusQuarantined && m == nil:
			s.looked = false // somebody has emptied it since
			if answers[i].Reply.until == 0 {
				s.voter.guard.Newcomer()
			}
		}
	}
	if s.looked && unfit == nil && latest != 0 {
		s.voter.guard.Observe(s.voter.index, sent, latest)
	}
	return again
}

// queue adds the commands of a pass to the pipeline, and returns which one carries which request.
func (s *session) queue(ctx context.Context, requests []*request, answers []quorum.Answer[reply], only []retry) []carried {
	s.carried = slices.Grow(s.carried[:0], len(requests))[:len(requests)]
	kind := s.voter.kind
	for _, a := range only {
		r := requests[a.request]
		s.carried[a.request] = carried{r.queue(ctx, s.pipe, kind, a.form, answers[a.request].Err), a.form, 0, 1, r.now.Earliest}
	}
	if only != nil {
		return s.carried
	}
	for i, of := 0, 0; i < len(requests); i += of {
		of = runLength(requests[i:], kind)
		if of == 1 {
			r := requests[i]
			s.carried[i] = carried{r.queue(ctx, s.pipe, kind, together, nil), together, 0, 1, r.now.Earliest}
			continue
		}
		cmd, earliest := queueRun(ctx, s.pipe, kind, requests[i:i+of])
		for at := range of {
			s.carried[i+at] = carried{cmd, together, at, of, earliest}
		}
	}
	return s.carried
}

// anyFailed reports whether one of the commands has an error of its own.
func anyFailed(all []carried) bool {
	return slices.ContainsFunc(all, func(c carried) bool { return c.err() != nil })
}

// look adds the first command of a batch where somebody wants to know, or has to: which time is it, and may the
// server vote? Whoever only inspects enrols nobody. It returns nil otherwise.
func (s *session) look(ctx context.Context, requests []*request, enrols, full bool) *redis.SliceCmd {
	wanted := func(r *request) bool { return r.op == opLook || (!s.looked && r.needsLook()) }
	if !s.voter.guarded() || !slices.ContainsFunc(requests, wanted) {
		return nil
	}
	number := int64(0)
	if enrols {
		number = s.voter.enrolment()
	}
	args := []any{"evalsha", scripts[opLook].hash, 1, markerKey, number, s.voter.durable, s.voter.members.field}
	return queueMixed(ctx, s.pipe, opLook, args, full)
}

// seen takes in what the server said about itself.
func (s *session) seen(look *redis.SliceCmd, enrolled bool, sent time.Duration) (*guard.Marker, error) {
	g := s.voter.guard
	if look == nil && s.looked {
		return nil, s.voter.answeredBy(s.server)
	}
	if look == nil {
		return nil, nil
	}
	s.looked = false
	answer, err := look.Result()
	if err != nil {
		return nil, err
	}
	values, known, err := parseLook(answer)
	if err != nil {
		return nil, err
	}
	s.server = guard.ServerID(values[4])
	if err := s.voter.answeredBy(s.server); err != nil {
		return nil, err
	}
	g.Observe(s.voter.index, sent, guard.Time(values[0]))
	m := markerOf(values)
	m.Known = known
	if alone := values[5]; alone != 0 {
		m.Served, m.ServedAgo = true, max((guard.Time(values[0])-guard.Time(alone)).Duration(), 0)
	}
	if s.looked = enrolled; enrolled {
		g.Enrolled(s.voter.index, m)
		g.Told(s.voter.index, known)
	}
	return &m, nil
}
