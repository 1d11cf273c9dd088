package redlock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/redlock/internal/guard"
	"github.com/a5bbb083/redlock/redlock/internal/member"
)

// request is one operation on one lock, the same for every voter. Once it's on its way nobody changes it.
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
	deadline guard.Time
	now      guard.Span // when the request was made; void without guards
	owner    string     // what the holder calls itself
	voters   []*voter   // for an acquisition: who is silent, see contest.go
	known    string     // what to tell a voter of its set of voters
	members  *members   // the locker's
	passive  bool       // a look that enrols nobody
	gone     holderID   // for an acquisition: whose lock has been given back, as it was told; 0 if it wasn't
	waits    bool       // for an acquisition: who is refused stands in line
	silently bool       // a release calls nobody, see line.lua
	line     stand      // what to do about the line

	// The command as it's sent to each kind of voter, the same for all of a kind: see seal.
	commands [voterKinds][]any
}

// voterKind says what a voter's keys are: those of a single server with guards or without, or of a cluster.
type voterKind uint8

const (
	plainVoter voterKind = iota
	guardedVoter
	clusterVoter
	voterKinds
)

// seal makes the commands for the kinds of voters that there are. It's done once, and not by each voter,
// since the arguments are where most of an operation's memory goes. Records get the given life.
func (r *request) seal(kinds [voterKinds]bool, life time.Duration) {
	for kind, there := range kinds {
		if there {
			r.commands[kind] = r.command(voterKind(kind), life.Milliseconds())
		}
	}
}

// command returns the request's command as go-redis takes it; nil if it has none of its own.
func (r *request) command(kind voterKind, life int64) []any {
	switch {
	case r.op == opLook:
		return nil // a batch begins with it
	case r.op == opAcquire && !r.fenced:
		return []any{"set", r.name, r.token, "px", r.ttl.Milliseconds(), "nx"}
	}
	args := make([]any, 0, 17)
	args = append(args, "evalsha", scripts[r.op].hash)
	switch {
	case r.op == opAdmit || r.op == opTell:
		args = append(args, 1, markerKey)
	case (r.op == opRelease || r.op == opWait) && r.fenced:
		args = append(args, 3, r.name, lineKey(r.name, kind == clusterVoter), recordKey(r.name, kind == clusterVoter))
	case r.op == opRelease || r.op == opWait:
		args = append(args, 2, r.name, lineKey(r.name, kind == clusterVoter))
	case !r.fenced:
		args = append(args, 1, r.name)
	case kind == guardedVoter && (r.op == opAcquire || r.op == opExtend):
		args = append(args, 3, r.name, recordKey(r.name, false), markerKey)
	default:
		args = append(args, 2, r.name, recordKey(r.name, kind == clusterVoter))
	}
	deadline, earliest, latest := int64(r.deadline), int64(r.now.Earliest), int64(r.now.Latest)
	switch r.op {
	case opAcquire:
		if args = append(args, life); kind == guardedVoter && r.members != nil {
			args = r.members.appendTo(args, kind)
		} else {
			args = append(args, "", "", "") // it votes for all
		}
		args = append(args, r.ttl.Milliseconds(), deadline, earliest, latest, r.owner)
		return append(args, r.token, r.fence)
	case opConfirm:
		return append(args, r.token, r.fence, life)
	case opExtend:
		args = append(args, r.token, r.ttl.Milliseconds(), r.restore, life, deadline, earliest, latest, r.fence, r.owner)
		return r.members.appendTo(args, kind)
	case opExtendPlain:
		return append(args, r.token, r.ttl.Milliseconds(), r.restore)
	case opAdmit:
		return append(args, r.fence, deadline, r.ttl.Milliseconds(), r.restore)
	case opTell:
		return append(args, r.members.field, r.fence, r.known)
	case opInspect:
		return args
	case opWait:
		return append(args, r.line.process, r.line.ticket, r.line.overdue, counts(kind), r.line.kept.Milliseconds(), r.guarded(), earliest)
	default:
		calls := counts(kind)
		if r.silently {
			calls = callNobody
		}
		return append(args, life, calls, r.token)
	}
}

// timesFromEnd is where the times of a fenced acquisition begin, counted from the end of what all locks of its command share:
// deadline, earliest, latest, owner.
const timesFromEnd = 4

// What a script is to make of those who wait: 1 and 2 say whether PUBLISH counts all who hear. In a cluster it counts those
// of one server.
const (
	callNobody   = 0
	callCounted  = 1
	callAnybody  = 2
	leaveTheLine = "leave" // instead of a ticket
)

func counts(kind voterKind) int {
	if kind == clusterVoter {
		return callAnybody
	}
	return callCounted
}

// guarded reports whether the request was made by the agreed time.
func (r *request) guarded() bool { return r.now != guard.Span{} }

// needsLook reports whether a request's answer depends on the server being fit to vote.
func (r *request) needsLook() bool { return r.op != opRelease && r.op != opAdmit && r.op != opTell }

// enrols reports whether the look for a request may enrol the server, where it may have forgotten locks.
func (r *request) enrols() bool { return r.needsLook() && r.op != opInspect && !r.passive }

// queue adds the request's command to the pipeline, if it has one: a script by its hash or in full, or a
// plain command. Refused is why the time before was in vain; nil where the script was
// run, and met an error at one of several locks.
func (r *request) queue(ctx context.Context, pipe redis.Pipeliner, kind voterKind, form form, refused error) redis.Cmder {
	args, full := r.commands[kind], form != together && refused != nil
	switch {
	case args == nil:
		return nil
	case form == withoutLine:
		return queueScript(ctx, pipe, r.op, r.withoutLine(kind), full)
	case r.op == opAcquire && !r.fenced && form != together:
		refusal := &plainRefusal{StringCmd: pipe.Get(ctx, r.name), life: redis.NewIntCmd(ctx, "pttl", r.name)}
		_ = pipe.Process(ctx, refusal.life) // it only queues
		return refusal
	case r.op == opAcquire && !r.fenced:
		cmd := redis.NewBoolCmd(ctx, args...)
		_ = pipe.Process(ctx, cmd) // it only queues
		return cmd
	case r.op == opInspect || r.op == opTell:
		return queueMixed(ctx, pipe, r.op, args, full)
	}
	return queueScript(ctx, pipe, r.op, args, full)
}

// plainRefusal is what a voter is asked that has refused a plain acquisition: whose the key is, and for how long it lives.
type plainRefusal struct {
	*redis.StringCmd
	life *redis.IntCmd
}

// withoutLine returns the command of a release that leaves those who wait alone. A user may have rights to the lock and its record
// and none to the line, above all where the rule for it is older than the line.
func (r *request) withoutLine(kind voterKind) []any {
	args := slices.Clone(r.commands[kind])
	args[4], args[len(args)-2] = r.name, callNobody // EVALSHA, hash, number of keys, lock, line; calls, token
	return args
}

// status is the first element of a script's reply.
type status int64

const (
	statusOK          status = 1
	statusHeld        status = 0
	statusGone        status = -1
	statusQuarantined status = -3
	statusAstray      status = -5
	statusWrongQuorum status = -6
	statusFailed      status = -9 // of one of several locks: alone it says why
)

type reply struct {
	status status
	time   guard.Time // by the server's clock; 0 where it doesn't say
	// value is the register of a fenced lock. Where an acquisition was refused since another
	// holds the lock, it's the key's PTTL.
	value int64
	// until is how long a refusal will last, by the agreed time; 0 if only the key's PTTL tells.
	until  guard.Time
	holder holderID      // who holds the lock, where an acquisition was refused for that
	marker *guard.Marker // in the reply to a look or an admission
	found  *found        // in the reply to an inspection
	place  place         // in the reply of who waits
	known  *member.Known // of its set of voters, in the reply to being told
}

// parse reads what came back for a request.
func (r *request) parse(c carried) (reply, error) {
	switch cmd := c.cmd.(type) {
	case nil: // opLook
		return reply{status: statusOK}, nil
	case *redis.BoolCmd: // SET NX PX; a refusal is asked again
		return reply{status: statusOK}, cmd.Err()
	case *plainRefusal:
		owner, err := cmd.Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return reply{}, err
		}
		switch {
		case err != nil:
			return reply{status: statusHeld, holder: nobody}, nil // it was given back meanwhile
		case owner == r.token:
			return reply{status: statusOK}, nil
		}
		return reply{status: statusHeld, value: cmd.life.Val(), holder: holderOf(owner)}, nil
	case *redis.IntSliceCmd:
		values, err := cmd.Result()
		if err != nil {
			return reply{}, err
		}
		if r.op == opAcquire || r.op == opRelease {
			return r.parsePart(c, values)
		}
		return r.parseScript(values)
	case *redis.SliceCmd: // a script that replies with texts, too
		values, err := cmd.Result()
		if err != nil {
			return reply{}, err
		}
		if r.op == opTell {
			return parseTold(values)
		}
		return parseFound(values)
	}
	panic(fmt.Sprintf("redlock: unexpected command %T", c.cmd))
}

func (r *request) parseScript(values []int64) (reply, error) {
	switch {
	case r.op == opAdmit && len(values) == 4:
		m := markerOf(values)
		return reply{status: statusOK, time: guard.Time(values[0]), marker: &m}, nil
	case len(values) == 4:
		return reply{status: status(values[0]), time: guard.Time(values[1]), value: values[2], until: guard.Time(values[3])}, nil
	case len(values) == 8: // of who waits
		rp := reply{status: status(values[0]), time: guard.Time(values[1]), value: values[2], until: guard.Time(values[3]), holder: holderID(values[4])}
		rp.place = place{ticket: values[5], ahead: int(values[6]), called: values[7]}
		return rp, nil
	case len(values) == 1:
		return reply{status: status(values[0])}, nil
	}
	return reply{}, r.unreadable(len(values))
}

// parsePart reads what grant.lua or release.lua says of one of its locks.
func (r *request) parsePart(c carried, values []int64) (reply, error) {
	part := c.part(r.shape(), values)
	switch {
	case part == nil:
		return reply{}, r.unreadable(len(values))
	case r.op == opRelease:
		return reply{status: status(part[0]), value: part[1]}, nil
	}
	rp := reply{status: status(part[0]), time: guard.Time(part[1]), value: part[2], until: guard.Time(part[3]), holder: holderID(part[4])}
	if rp.status == statusHeld && rp.until <= c.earliest {
		rp.until = 0 // the record's lock is over, so it's the key that is in the way
	}
	return rp, nil
}

func (r *request) unreadable(values int) error {
	return fmt.Errorf("redlock: the %v script returned %d values; is there a proxy that doesn't support scripts?", r.op, values)
}

// parseLook reads the reply of enrol.lua: five numbers, what the server knows of its set of voters, and another number.
func parseLook(answer []any) (numbers []int64, known member.Known, err error) {
	for _, v := range answer {
		if n, ok := v.(int64); ok {
			numbers = append(numbers, n)
		}
	}
	text, ok := "", false
	if len(answer) == 7 {
		text, ok = answer[5].(string)
	}
	if !ok || len(numbers) != 6 {
		return nil, known, fmt.Errorf("it returned %d values", len(answer))
	}
	known, err = member.Parse(text)
	return numbers, known, err
}

// parseTold reads the reply of tell.lua.
func parseTold(values []any) (reply, error) {
	if len(values) == 2 {
		now, isNumber := values[0].(int64)
		if text, isText := values[1].(string); isNumber && isText {
			known, err := member.Parse(text)
			return reply{status: statusOK, time: guard.Time(now), known: &known}, err
		}
	}
	return reply{}, fmt.Errorf("redlock: the tell script returned %d values; is there a proxy that doesn't support scripts?", len(values))
}

// markerOf reads what the replies of enrol.lua and admit.lua begin with.
func markerOf(values []int64) guard.Marker {
	return guard.Marker{Number: values[1], Until: guard.Time(values[2]), Longest: time.Duration(values[3]) * time.Millisecond}
}
