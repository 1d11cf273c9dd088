package check

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// LinearizableResult is what [Linearizable] found.
type LinearizableResult struct {
	Verdict Verdict
	// Operations is how many were put in an order, in so many Pieces.
	Operations, Pieces int
	// Faults says in a sentence each in which span there is no order.
	Faults []string
}

// pieceSize is how many operations are searched at a time. The search keeps a set of operations
// for each step that it took, so one of a whole day would need more memory than a machine has.
const pieceSize = 1000

// Linearizable searches for an order of the operations that a dispenser of fencing tokens, and a
// register that checks them, could have carried out one by one, each between its invocation and
// its return. Linearizability is local (Herlihy and Wing, 1990, theorem 1), so the two are searched
// one after the other: acquisitions take ever larger tokens; a fenced write is taken if and only if
// no larger token was written before, and a read returns the last write that was taken.
//
// It's the view of the clients: unlike [Tokens] and [Writes] it needs neither the order in which
// the resource recorded the writes nor a rule of what is stale. A lock with a lease can't promise
// more: who believes to hold it says [Exclusion].
//
// An acquisition or a read that never returned says nothing about the others, whatever became of
// it. A write that never returned took effect when the resource recorded it, if ever. A search that
// isn't over in the given time is unknown. Without tokens the verdict is [None].
//
// Histories are cut where no operation is under way. What's known there for certain, whatever the order
// before was, goes over to the next piece: the largest tokens granted and written.
func Linearizable(h *history.History, timeout time.Duration) LinearizableResult {
	result := LinearizableResult{Verdict: None}
	deadline := time.Now().Add(timeout)
	for _, operations := range [][]porcupine.Operation{grants(h), accesses(h)} {
		result.search(h, operations, pieceSize, deadline)
	}
	return result
}

// search looks at the operations of one object, in pieces of the given size and a little more.
func (r *LinearizableResult) search(h *history.History, operations []porcupine.Operation, size int, deadline time.Time) {
	state := tokenState{known: true} // the register begins with 0
	for _, piece := range cut(operations, size) {
		left := time.Until(deadline)
		if left <= 0 { // which porcupine takes for no limit
			r.worsen(Unknown)
			return
		}
		init := state
		model := porcupine.Model{Init: func() any { return init }, Step: step}
		switch porcupine.CheckOperationsTimeout(model, piece, left) {
		case porcupine.Ok:
			r.worsen(Held)
		case porcupine.Unknown:
			r.worsen(Unknown)
		case porcupine.Illegal:
			r.worsen(Violated)
			r.Faults = append(r.Faults, fmt.Sprintf("no order of the %d operations from +%v explains their results",
				len(piece), (time.Duration(piece[0].Call)-h.Start).Round(time.Millisecond)))
		}
		r.Operations += len(piece)
		r.Pieces++
		for _, o := range piece {
			state = state.after(o.Input.(tokenInput))
		}
		state.known = false
	}
}

// worsen takes in the verdict on a piece: a violation stays one, and unknown is worse than held.
func (r *LinearizableResult) worsen(v Verdict) {
	order := []Verdict{None, Held, Unknown, Violated}
	if slices.Index(order, v) > slices.Index(order, r.Verdict) {
		r.Verdict = v
	}
}

// cut sorts operations by their beginning, and cuts them where none is under way.
func cut(operations []porcupine.Operation, size int) [][]porcupine.Operation {
	slices.SortFunc(operations, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	var pieces [][]porcupine.Operation
	from, busy := 0, int64(0)
	for i, o := range operations {
		if i-from >= size && o.Call > busy {
			pieces = append(pieces, operations[from:i])
			from = i
		}
		busy = max(busy, o.Return)
	}
	if from < len(operations) {
		pieces = append(pieces, operations[from:])
	}
	return pieces
}

// grants are the acquisitions that got a token.
func grants(h *history.History) []porcupine.Operation {
	var all []porcupine.Operation
	for _, o := range h.Operations {
		if o.Op == protocol.Acquire && !o.Open() && o.OK && o.Fence > 0 {
			all = append(all, asOperation(o, tokenInput{kind: grant, token: o.Fence}))
		}
	}
	return all
}

// accesses are the reads of the fenced register, and the writes to it.
func accesses(h *history.History) []porcupine.Operation {
	var all []porcupine.Operation
	requests := make(map[history.Holder][]history.Operation)
	for _, o := range h.Operations {
		switch {
		case o.Op == protocol.Read && !o.Open() && o.Counters != nil:
			all = append(all, asOperation(o, tokenInput{kind: read, value: o.Counters.Fenced}))
		case o.Op == protocol.Write:
			holder := history.Holder{Client: o.Client, Lease: o.Lease}
			requests[holder] = append(requests[holder], o)
		}
	}
	writes := 0
	for _, w := range h.Writes {
		if w.Register == history.Fenced {
			request := requestOf(w, requests[history.Holder{Client: w.Client, Lease: w.Lease}])
			all = append(all, asOperation(request, tokenInput{write, w.Fence, w.Read + 1, w.Accepted}))
			writes++
		}
	}
	if writes == 0 {
		return nil
	}
	return all
}

// requestOf returns the client's request that a write came from: the one that was under way when it
// arrived, since a client does one thing at a time. For a client that didn't wait for the end of it,
// the write was over when it was recorded.
func requestOf(w history.Write, requests []history.Operation) history.Operation {
	for _, o := range requests {
		if w.At >= o.Invoked && w.At <= o.Returned {
			return o
		}
	}
	return history.Operation{Invoked: w.At, Returned: w.At}
}

func asOperation(o history.Operation, input tokenInput) porcupine.Operation {
	return porcupine.Operation{Input: input, Call: int64(o.Invoked), Return: int64(o.Returned)}
}
