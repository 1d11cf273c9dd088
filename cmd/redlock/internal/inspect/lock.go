package inspect

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"
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
	// Token marks the holder's acquisition, and Fence is its fencing token; 0 if it has none.
	Token string `json:"token,omitempty"`
	Fence int64  `json:"fence,omitempty"`
	// RemainingMS is for how long a majority will go on to name this holder unless it renews, in milliseconds. Nil
	// stands for ever: then it's no lock of this kind.
	RemainingMS *float64 `json:"remaining_ms,omitempty"`
	Voters      []Answer `json:"voters"`
}

// Answer is what one voter says.
type Answer struct {
	Node        string   `json:"node"`
	State       State    `json:"state"`
	Token       string   `json:"token,omitempty"`
	Fence       int64    `json:"fence,omitempty"`
	RemainingMS *float64 `json:"remaining_ms,omitempty"`
	Error       string   `json:"error,omitempty"`
}

// record is "REGISTER TOKEN DEADLINE OWNER"; the deadline, in Unix microseconds, is "-" once the lock was given back, and the
// last is what its owner calls itself, if it does.
var record = regexp.MustCompile(`^(\d+)(?: (\S*) ([\d-]+)(?: .+)?)?$`)

// answer reads the reply of look.lua.
func answer(values []any) Answer {
	if len(values) != 4 {
		return Answer{State: NoAnswer, Error: fmt.Sprintf("the script returned %d values; is there a proxy that doesn't support scripts?", len(values))}
	}
	now, _ := values[0].(int64)
	token, there := values[1].(string)
	pttl, _ := values[2].(int64)
	var register, deadline int64
	var owner string
	if text, found := values[3].(string); found {
		m := record.FindStringSubmatch(text)
		if m == nil {
			return Answer{State: NoAnswer, Error: "what should be the lock's record is other data"}
		}
		register, _ = strconv.ParseInt(m[1], 10, 64)
		deadline, _ = strconv.ParseInt(m[3], 10, 64) // a lock that was given back has none
		owner = m[2]
	}
	left := time.Duration(deadline-now) * time.Microsecond
	switch {
	case there && pttl < 0:
		return Answer{State: Held, Token: token, Error: "the key has no TTL, so it isn't a lock of this kind"}
	case there && token == owner:
		return Answer{State: Held, Token: token, Fence: register, RemainingMS: milliseconds(max(left, time.Duration(pttl)*time.Millisecond))}
	case there:
		return Answer{State: Held, Token: token, RemainingMS: milliseconds(time.Duration(pttl) * time.Millisecond)}
	case left > 0:
		// The key is gone early, by a clock that was put forward for one. The record still counts.
		return Answer{State: Held, Token: owner, Fence: register, RemainingMS: milliseconds(left)}
	}
	return Answer{State: Free}
}

func milliseconds(d time.Duration) *float64 {
	ms := float64(d.Round(time.Millisecond).Milliseconds())
	return &ms
}

// sum makes up what a majority says.
func (l *Lock) sum(majority int) {
	answered, free := 0, 0
	holders := make(map[string][]Answer)
	for _, a := range l.Voters {
		switch a.State {
		case Held:
			answered++
			holders[a.Token] = append(holders[a.Token], a)
		case Free:
			answered++
			free++
		}
	}
	l.State = Unclear
	switch {
	case answered < majority:
		l.State = NoAnswer
	case free >= majority:
		l.State = Free
	}
	for token, voters := range holders {
		if len(voters) < majority {
			continue
		}
		l.State, l.Token = Held, token
		l.Fence = agreed(voters, majority)
		// The voters that remember it longest are the last majority.
		slices.SortFunc(voters, func(a, b Answer) int { return compare(b.RemainingMS, a.RemainingMS) })
		l.RemainingMS = voters[majority-1].RemainingMS
	}
}

// agreed returns the fencing token on which a majority agrees; 0 if there is none yet.
func agreed(voters []Answer, majority int) int64 {
	count := make(map[int64]int)
	for _, a := range voters {
		if count[a.Fence]++; count[a.Fence] >= majority {
			return a.Fence
		}
	}
	return 0
}

// compare orders times; nil is the longest.
func compare(a, b *float64) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil || *a < *b:
		return -1
	case *a > *b:
		return 1
	}
	return 0
}
