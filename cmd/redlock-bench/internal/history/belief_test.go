package history

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// op is an operation of client "a" under its first lock, with times in milliseconds. A valid of
// 0 means that it was refused, a returned of 0 that it's open.
func op(kind protocol.Op, invoked, returned, valid int) Operation {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	return Operation{Client: "a", Lease: 1, Op: kind, Invoked: ms(invoked), Returned: ms(returned), OK: valid > 0, ValidUntil: ms(valid)}
}

func TestBeliefs(t *testing.T) {
	certain := func(from, until int) Belief {
		return Belief{Holder{"a", 1}, time.Duration(from) * time.Millisecond, time.Duration(until) * time.Millisecond, true}
	}
	uncertain := func(from int) Belief {
		return Belief{Holder{"a", 1}, time.Duration(from) * time.Millisecond, Forever, false}
	}
	lost := func(at int) []Operation {
		check := op(protocol.Check, 140, 150, 0)
		check.LostAt = time.Duration(at) * time.Millisecond
		return []Operation{op(protocol.Acquire, 10, 20, 100), check}
	}
	for name, c := range map[string]struct {
		operations []Operation
		want       []Belief
	}{
		"nothing":               {nil, nil},
		"acquired and expired":  {[]Operation{op(protocol.Acquire, 10, 20, 100)}, []Belief{certain(20, 100)}},
		"refused":               {[]Operation{op(protocol.Acquire, 10, 20, 0)}, nil},
		"acquired too late":     {[]Operation{op(protocol.Acquire, 10, 120, 100)}, nil},
		"acquire never returns": {[]Operation{op(protocol.Acquire, 10, 0, 0)}, []Belief{uncertain(10)}},
		"released": {[]Operation{op(protocol.Acquire, 10, 20, 100), op(protocol.Release, 50, 60, 0)},
			[]Belief{certain(20, 50)}},
		"release never returns": {[]Operation{op(protocol.Acquire, 10, 20, 100), op(protocol.Release, 50, 0, 0)},
			[]Belief{certain(20, 50)}},
		"released after the end": {[]Operation{op(protocol.Acquire, 10, 20, 100), op(protocol.Release, 150, 160, 0)},
			[]Belief{certain(20, 100)}},
		"checked": {[]Operation{op(protocol.Acquire, 10, 20, 100), op(protocol.Check, 50, 51, 100)},
			[]Belief{certain(20, 100)}},
		"found lost": {[]Operation{op(protocol.Acquire, 10, 20, 100), op(protocol.Check, 50, 51, 0)},
			[]Belief{certain(20, 51)}},
		"check never returns": {[]Operation{op(protocol.Acquire, 10, 20, 100), op(protocol.Check, 50, 0, 0)},
			[]Belief{certain(20, 100)}},
		"extended": {[]Operation{op(protocol.Acquire, 10, 20, 100), op(protocol.Extend, 50, 60, 150)},
			[]Belief{certain(20, 150)}},
		"extended after the end": {[]Operation{op(protocol.Acquire, 10, 20, 100), op(protocol.Extend, 110, 120, 200)},
			[]Belief{certain(20, 200)}},
		"told of the loss":         {lost(30), []Belief{certain(20, 30)}},
		"told of the loss late":    {lost(130), []Belief{certain(20, 130)}},
		"lost, and still extended": {append(lost(30), op(protocol.Extend, 160, 170, 250)), []Belief{certain(20, 250)}},
		"found lost, and still extended": {
			[]Operation{op(protocol.Acquire, 10, 20, 100), op(protocol.Check, 50, 51, 0), op(protocol.Extend, 60, 70, 170)},
			[]Belief{certain(20, 170)}},
		"extended in vain after the end": {[]Operation{op(protocol.Acquire, 10, 20, 100), op(protocol.Extend, 110, 120, 100)},
			[]Belief{certain(20, 100)}},
	} {
		t.Run(name, func(t *testing.T) {
			h := &History{Operations: c.operations}
			assert.Equal(t, c.want, h.Beliefs())
		})
	}
}

// TestWhatAClientDoesCountsMoreThanWhatItSays has clients whose words are at odds with what the harness saw at
// the same time.
func TestWhatAClientDoesCountsMoreThanWhatItSays(t *testing.T) {
	looks := func(kind protocol.Op, sent int, ok bool) Operation {
		o := op(kind, sent, sent+1, 100) // it still says that its time was over at 100
		o.OK, o.Looked, o.Sent = ok, true, time.Duration(sent)*time.Millisecond
		return o
	}
	early := op(protocol.Release, 49, 60, 0)
	early.Sent = 50 * time.Millisecond
	for name, c := range map[string]struct {
		last  Operation
		until int
	}{
		"looked, and found its lock valid after its end":      {looks(protocol.Check, 115, true), 115},
		"looked and wrote after its end":                      {looks(protocol.Write, 115, true), 115},
		"looked, and found it over":                           {looks(protocol.Check, 115, false), 100},
		"looked before its end":                               {looks(protocol.Check, 50, true), 100},
		"says that it gave the lock back before it was asked": {early, 50},
	} {
		t.Run(name, func(t *testing.T) {
			h := &History{Operations: []Operation{op(protocol.Acquire, 10, 20, 100), c.last}}
			assert.Equal(t, []Belief{{Holder{"a", 1}, 20 * time.Millisecond, time.Duration(c.until) * time.Millisecond, true}}, h.Beliefs())
		})
	}
}

func TestBeliefsOfSeveralHoldersAreOrdered(t *testing.T) {
	second := op(protocol.Acquire, 30, 40, 90)
	second.Client = "b"
	again := op(protocol.Acquire, 200, 210, 300)
	again.Lease = 2
	h := &History{Operations: []Operation{op(protocol.Acquire, 10, 20, 100), again, second}}
	var holders []Holder
	for _, b := range h.Beliefs() {
		holders = append(holders, b.Holder)
	}
	assert.Equal(t, []Holder{{"a", 1}, {"b", 1}, {"a", 2}}, holders)
}
