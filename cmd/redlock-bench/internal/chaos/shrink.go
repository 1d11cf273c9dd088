package chaos

import (
	"context"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// Shrinker looks for a shorter plan under which a lock still fails. Real processes never do the
// same twice, so a plan counts as failing if it fails in Need of at most Tries runs; a fault that
// looks superfluous may only have made the failure likelier.
type Shrinker struct {
	Need, Tries int
	// Fails runs a plan once and tells whether it found a violation. The error ends the search.
	Fails func(context.Context, Plan) (bool, error)
	// Progress, unless nil, is told of every plan that was found to fail.
	Progress func(Plan)
}

// Shrink returns the shortest plan that it found to fail before ctx ended, and false if there was
// none: the failure was too rare. At is when, counted from the plan's start, a violation was seen.
//
// The faults shortly before that are tried first, and these are then halved again and again by
// delta debugging (Zeller and Hildebrandt, 2002: ddmin).
func (s Shrinker) Shrink(ctx context.Context, p Plan, at time.Duration) (Plan, bool, error) {
	best, found := Plan{}, false
	fails := func(candidate Plan) (bool, error) {
		failed, err := s.often(ctx, candidate)
		if failed {
			best, found = candidate, true
			if s.Progress != nil {
				s.Progress(candidate)
			}
		}
		return failed, err
	}
	err := search(p, at, fails)
	if ctx.Err() != nil {
		err = nil // the time is over, which is how a search may end
	}
	return best, found, err
}

func search(p Plan, at time.Duration, fails func(Plan) (bool, error)) error {
	for window := 4 * p.TTL.Duration(); ; window *= 2 {
		faults := slices.DeleteFunc(slices.Clone(p.Faults), func(f nemesis.Fault) bool {
			return f.At > at || f.At+f.For < at-window
		})
		for i, f := range faults {
			if !f.Damages() { // how long damage lasts is part of the safety model
				faults[i].For = min(f.For, at+p.TTL.Duration()-f.At)
			}
		}
		failed, err := fails(p.with(faults))
		if err != nil {
			return err
		}
		if failed {
			return ddmin(faults, func(subset []nemesis.Fault) (bool, error) { return fails(p.with(subset)) })
		}
		if window > at {
			return nil
		}
	}
}

// often runs a plan until it's clear whether it fails in Need of Tries runs.
func (s Shrinker) often(ctx context.Context, p Plan) (bool, error) {
	failures := 0
	for try := range s.Tries {
		if failures+s.Tries-try < s.Need {
			return false, nil
		}
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		failed, err := s.Fails(ctx, p)
		if err != nil {
			return false, err
		}
		if failed {
			failures++
		}
		if failures >= s.Need {
			return true, nil
		}
	}
	return false, nil
}

// with is the plan with only these faults. They begin a TTL after its start, and it ends three
// after the last of them.
func (p Plan) with(faults []nemesis.Fault) Plan {
	ttl := p.TTL.Duration()
	p.Faults = slices.Clone(faults)
	end := 2 * ttl
	if len(faults) > 0 {
		shift := faults[0].At - ttl
		for i := range p.Faults {
			p.Faults[i].At -= shift
			end = max(end, p.Faults[i].At+p.Faults[i].For)
		}
	}
	p.Duration = protocol.InMilliseconds(end + 3*ttl)
	return p
}

// ddmin removes elements from a list that fails as long as the rest still does. It tests no empty list.
func ddmin[T any](list []T, fails func([]T) (bool, error)) error {
	for pieces := 2; len(list) > 1; {
		size := (len(list) + pieces - 1) / pieces
		smaller, err := firstFailing(list, size, fails)
		switch {
		case err != nil:
			return err
		case smaller != nil:
			list = smaller
			pieces = max(pieces-1, 2)
		case size == 1:
			return nil // each element is needed
		default:
			pieces = min(2*pieces, len(list))
		}
	}
	return nil
}

// firstFailing tries the list without each of its pieces in turn.
func firstFailing[T any](list []T, size int, fails func([]T) (bool, error)) ([]T, error) {
	for from := 0; from < len(list); from += size {
		rest := slices.Concat(list[:from], list[min(from+size, len(list)):])
		if failed, err := fails(rest); failed || err != nil {
			return rest, err
		}
	}
	return nil, nil
}
