package inspect

import (
	"time"

	"github.com/a5bbb083/redlock/quorum"
	"github.com/a5bbb083/redlock/redlock"
)

// State says what there is to know of a lock.
type State string

const (
	// Held: a majority names one and the same holder. Of a voter: it names one.
	Held State = "held"
	// Free: a majority has no holder. Of a voter: it has none.
	Free State = "free"
	// Unclear: neither. Somebody may be taking or releasing it right now, or votes were split.
	Unclear State = "unclear"
	// NoAnswer: too few voters answered to tell. Of a voter: it didn't, or with an error.
	NoAnswer State = "no answer"
)

// Lock is what the voters say of a name. Its JSON form is stable: later versions add fields.
type Lock struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	// Owner is what the holder calls itself, Token marks its acquisition, and Fence is its fencing token; empty or 0 if it
	// has none.
	Owner string `json:"owner,omitempty"`
	Token string `json:"token,omitempty"`
	Fence int64  `json:"fence,omitempty"`
	// RemainingMS is for how long the holder keeps others out unless it renews, in milliseconds. Nil with a token
	// stands for ever: then it's no lock of this kind.
	RemainingMS *float64 `json:"remaining_ms,omitempty"`
	Voters      []Answer `json:"voters"`
}

// Answer is what one voter says.
type Answer struct {
	Node        string   `json:"node"`
	State       State    `json:"state"`
	Owner       string   `json:"owner,omitempty"`
	Token       string   `json:"token,omitempty"`
	Fence       int64    `json:"fence,omitempty"`
	RemainingMS *float64 `json:"remaining_ms,omitempty"`
	Error       string   `json:"error,omitempty"`
}

// lockOf puts what the library found into the words of this command.
func lockOf(h redlock.Holding) Lock {
	l := Lock{Name: h.Name, State: Unclear, Owner: h.Owner, Token: h.Token, Fence: h.Fence, Voters: make([]Answer, len(h.Nodes))}
	answered, free, endless := 0, 0, 0
	for i, n := range h.Nodes {
		a := answerOf(n)
		l.Voters[i] = a
		switch {
		case a.State == Free:
			free++
		case a.State == Held && a.RemainingMS == nil && a.Token == h.Token:
			endless++
		}
		if a.State != NoAnswer {
			answered++
		}
	}
	majority := quorum.Majority(len(h.Nodes))
	switch {
	case h.Held():
		if l.State = Held; endless < majority {
			l.RemainingMS = milliseconds(h.Remaining)
		}
	case answered < majority:
		l.State = NoAnswer
	case free >= majority:
		l.State = Free
	}
	return l
}

func answerOf(n redlock.NodeHolding) Answer {
	a := Answer{Node: n.Node, State: Free}
	if n.Err != nil {
		a.State, a.Error = NoAnswer, n.Err.Error()
	}
	if n.Token != "" {
		a.State, a.Owner, a.Token, a.Fence = Held, n.Owner, n.Token, n.Fence
		if n.Err == nil { // else it has no end
			a.RemainingMS = milliseconds(n.Remaining)
		}
	}
	return a
}

func milliseconds(d time.Duration) *float64 {
	ms := float64(d.Round(time.Millisecond).Milliseconds())
	return &ms
}
