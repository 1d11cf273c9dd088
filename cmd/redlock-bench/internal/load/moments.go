package load

import (
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/loadgen"
)

// moments is what came of attempts that several clients made at the same moment.
type moments struct {
	contested int // at which more than one client tried
	lost      int // of these, at which nobody won
}

// judge works out what came of all clients' attempts.
func judge(turns []loadgen.Turn) moments {
	type moment struct {
		name int
		at   time.Duration
	}
	tried, won := make(map[moment]int), make(map[moment]bool)
	for _, t := range turns {
		m := moment{t.Name, t.Asked}
		tried[m]++
		if t.Acquired != loadgen.Never {
			won[m] = true
		}
	}
	var all moments
	for m, n := range tried {
		if n > 1 {
			all.contested++
			if !won[m] {
				all.lost++
			}
		}
	}
	return all
}
