package redlock

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Grants in a row to one server are one command, and so are releases: a script that is begun once for many locks
// costs the server far less for each. It carries them out in the order of the queue.

// form is how a request is asked.
type form uint8

const (
	together    form = iota // with its neighbours, and scripts by their hash
	alone                   // with a command of its own, so that the server says what's wrong with it; a script in full if it was refused
	withoutLine             // alone, and a release leaves those who wait alone
)

// retry is a request that is asked again.
type retry struct {
	request int
	form    form
}

// carried is a request's place in the command that carries it.
type carried struct {
	cmd    redis.Cmder // nil if it has none
	form   form
	at, of int // which one of how many; 0 of 0 if it isn't sent
}

func (c carried) err() error {
	if c.cmd == nil {
		return nil
	}
	return c.cmd.Err()
}

// shape is how much of a command and its reply is each lock's own.
type shape struct{ keys, args, numbers int }

func (r *request) shape() shape {
	switch {
	case r.op == opAcquire:
		return shape{keys: 2, args: 7, numbers: 5}
	case r.fenced:
		return shape{keys: 3, args: 2, numbers: 2}
	}
	return shape{keys: 2, args: 2, numbers: 2}
}

// follows reports whether the command that carries the request before can carry this one as well. On a cluster it can't:
// their keys needn't be in one slot.
func (r *request) follows(before *request, kind voterKind) bool {
	several := r.op == opRelease || r.op == opAcquire && r.fenced
	return several && r.op == before.op && r.fenced == before.fenced && kind != clusterVoter
}

// queueRun adds one command for several requests to the pipeline, made of the commands that they have alone.
func queueRun(ctx context.Context, pipe redis.Pipeliner, kind voterKind, run []*request) *redis.IntSliceCmd {
	const begin = 3 // EVALSHA, hash, number of keys
	alone, s := run[0].commands[kind], run[0].shape()
	keys, own := begin+s.keys, len(alone)-s.args // where each lock's own keys end, and its own arguments begin
	more := len(run) - 1
	args := make([]any, 0, len(alone)+more*(s.keys+s.args))
	args = append(args, alone[0], alone[1], alone[2].(int)+more*s.keys)
	for _, r := range run {
		args = append(args, r.commands[kind][begin:keys]...)
	}
	args = append(args, alone[keys:own]...)
	for _, r := range run {
		args = append(args, r.commands[kind][own:]...)
	}
	return queueScript(ctx, pipe, run[0].op, args, false)
}

// part returns what a reply says of the request's lock, or nil if there's something else in it.
func (c carried) part(s shape, reply []int64) []int64 {
	if len(reply) != c.of*s.numbers {
		return nil
	}
	return reply[c.at*s.numbers:][:s.numbers]
}

// next returns how the request has to be asked once more, if it has to.
func (c carried) next(r *request) (form, bool) {
	switch {
	case r.op == opRelease && lacksRight(c.err()) && c.of == 1 && c.form != withoutLine:
		return withoutLine, true
	case c.form == together && c.inconclusive(r):
		return alone, true
	}
	return c.form, false
}

// inconclusive reports whether the request has to be asked again, by itself.
func (c carried) inconclusive(r *request) bool {
	switch cmd := c.cmd.(type) {
	case nil:
		return false
	case *redis.BoolCmd:
		// Refused, but perhaps by ourselves: a client library that sends the command again
		// after a broken connection reads its own lock as taken.
		return cmd.Err() == nil && !cmd.Val()
	case *redis.IntSliceCmd:
		if cmd.Err() == nil {
			part := c.part(r.shape(), cmd.Val())
			return c.of > 1 && part != nil && status(part[0]) == statusFailed
		}
	}
	err := c.cmd.Err()
	_, replied := serverText(err)
	return unknownScript(err) || c.of > 1 && replied
}
