package chaos

import (
	"strings"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/spoken"
)

// Wrongs are the violations of one lock, of each kind: a sentence that counts overlaps alone would pass over the others.
type Wrongs struct {
	Overlaps int
	Minority bool // it was held with a minority of its nodes
	Tokens   bool
}

// Add adds what one run found.
func (w *Wrongs) Add(r Result) {
	w.Overlaps += r.Overlaps
	w.Minority = w.Minority || r.Exclusion == check.Violated && r.Overlaps == 0
	w.Tokens = w.Tokens || r.Fencing == check.Violated || r.Linearizable == check.Violated
}

func (r Result) wrongs() (w Wrongs) {
	w.Add(r)
	return w
}

// None tells whether no violation was found.
func (w Wrongs) None() bool { return w == Wrongs{} }

// Sentence continues a sentence that begins with the lock's name. It's told more of the overlaps, if there's more to say.
func (w Wrongs) Sentence(ofOverlaps string) string {
	var said []string
	if w.Overlaps > 0 {
		said = append(said, "let two clients hold the lock at once, "+spoken.Times(w.Overlaps)+ofOverlaps)
	}
	if w.Minority {
		said = append(said, "let a minority of the nodes grant the lock")
	}
	if w.Tokens {
		said = append(said, "gave out wrong fencing tokens")
	}
	if w.Overlaps > 0 && len(said) > 1 {
		said[0] += ","
	}
	return strings.Join(said, " and ")
}
