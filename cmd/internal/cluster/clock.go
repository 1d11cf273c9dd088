package cluster

import (
	"context"
	"fmt"
	"github.com/a5bbb083/redlock/cmd/internal/wait"
	"math"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// bend is how a node's wall clock differs from the host's: by offset at anchor, and by drift
// nanoseconds more for each nanosecond since.
type bend struct {
	anchor time.Time
	offset time.Duration
	drift  float64
}

// at is the whole difference at the host's time now.
func (b bend) at(now time.Time) time.Duration {
	return b.offset + time.Duration(float64(now.Sub(b.anchor))*b.drift)
}

// jumped is b moved by d at the host's time now.
func (b bend) jumped(now time.Time, d time.Duration) bend {
	return bend{anchor: now, offset: b.at(now) + d, drift: b.drift}
}

// atRate is b with another rate from the host's time now on, and no jump.
func (b bend) atRate(now time.Time, rate float64) bend {
	return bend{anchor: now, offset: b.at(now), drift: rate - 1}
}

// clockTool makes the wall clock of a server process follow a bend.
type clockTool interface {
	// environment is what the server's process needs so that its clock can be bent. dir is
	// the server's own directory.
	environment(dir string) []string
	// write makes the clock of the server in dir follow b. started is when the server's
	// process started, or is about to.
	write(dir string, b bend, started time.Time) error
}

// offsetOf measures how far a server's clock is from the host's, and by how much the
// measurement may be wrong.
func offsetOf(ctx context.Context, read func(context.Context) (time.Time, error)) (offset, bound time.Duration, err error) {
	sent := time.Now()
	server, err := read(ctx)
	if err != nil {
		return 0, 0, err
	}
	roundTrip := time.Since(sent)
	middle := sent.Add(roundTrip / 2).Round(0) // TIME knows nothing of Go's monotonic clock
	return server.Sub(middle), roundTrip/2 + time.Microsecond, nil
}

// jumpTolerance is by how much a jump may miss its mark, beyond the error of measurement: a
// rate other than 1 goes on between the readings, and a busy host adds its scheduling.
const jumpTolerance = 50 * time.Millisecond

// proveJump applies a jump and compares the clock before and after it.
func proveJump(ctx context.Context, n Node, d time.Duration, apply func() error) (effect.Proof, error) {
	if err := checkJump(d); err != nil {
		return effect.Proof{}, err
	}
	proof := effect.Proof{
		Target: "node " + n.Name(),
		Fault:  fmt.Sprintf("clock jumped by %v", d),
		How:    "TIME against the host's clock",
		Began:  hostNow(),
	}
	before, err := sharpest(ctx, n)
	if err != nil {
		return effect.Proof{}, err
	}
	if err := apply(); err != nil {
		return effect.Proof{}, err
	}
	after, err := sharpest(ctx, n)
	if err != nil {
		return effect.Proof{}, fmt.Errorf("%w: %w", ErrNotProven, err)
	}
	proof = seen(proof, signed(before.offset), signed(after.offset))
	proof.Change = effect.Change{State: effect.Bent, Over: after.offset.Abs() <= jumpTolerance, Node: n.Name(), Detail: after.String()}
	if miss := (after.offset - before.offset - d).Abs(); miss > jumpTolerance+before.bound+after.bound {
		return effect.Proof{}, fmt.Errorf("%w: %v, off by %v", ErrNotProven, proof, miss)
	}
	return proof, nil
}

// The rate is measured over a span that is doubled until the measurement is sharp enough.
const (
	firstRateSpan = 20 * time.Millisecond
	lastRateSpan  = 640 * time.Millisecond
	rateTolerance = 0.005
)

// proveRate applies a rate and measures it before and after.
func proveRate(ctx context.Context, n Node, rate float64, apply func() error) (effect.Proof, error) {
	if err := checkRate(rate); err != nil {
		return effect.Proof{}, err
	}
	proof := effect.Proof{
		Target: "node " + n.Name(),
		Fault:  fmt.Sprintf("clock runs at %v times the host's rate", rate),
		How:    "two TIMEs against the host's clock",
		Began:  hostNow(),
	}
	tolerance := toleranceOf(rate)
	before, err := measureRate(ctx, n, tolerance)
	if err != nil {
		return effect.Proof{}, err
	}
	if err := apply(); err != nil {
		return effect.Proof{}, err
	}
	after, err := measureRate(ctx, n, tolerance)
	if err != nil {
		return effect.Proof{}, fmt.Errorf("%w: %w", ErrNotProven, err)
	}
	proof = seen(proof, fmt.Sprintf("%.4f", before), fmt.Sprintf("%.4f", after))
	proof.Change = effect.Change{State: effect.Bent, Node: n.Name(), Detail: fmt.Sprintf("runs at %v", rate)}
	if math.Abs(after-rate) > 2*tolerance*max(1, rate) {
		return effect.Proof{}, fmt.Errorf("%w: %v", ErrNotProven, proof)
	}
	return proof, nil
}

// reading is what a node's clock showed against the host's at some moment.
type reading struct {
	at            time.Time
	offset, bound time.Duration
}

// String writes the offset with the digits that the reading vouches for, and none below a
// millisecond: a clock that's off by a round number reads as that, however late the answer was.
func (r reading) String() string {
	unit := time.Millisecond
	for unit <= 2*r.bound {
		unit *= 10
	}
	return signed(r.offset.Round(unit))
}

// readings is how often a clock is read at once, because a busy host makes some readings useless.
const readings = 5

// sharpest reads the node's clock a few times and returns the reading that says most.
func sharpest(ctx context.Context, n Node) (best reading, err error) {
	for i := range readings {
		at := time.Now()
		offset, bound, err := offsetOf(ctx, n.Time)
		if err != nil {
			return best, err
		}
		if i == 0 || bound < best.bound {
			best = reading{at, offset, bound}
		}
	}
	return best, nil
}

// toleranceOf is small enough to tell a rate from the host's own.
func toleranceOf(rate float64) float64 {
	if rate == 1 {
		return rateTolerance
	}
	return min(rateTolerance, math.Abs(rate-1)/4)
}

// measureRate compares two readings of the node's clock with the host's clock between them.
func measureRate(ctx context.Context, n Node, tolerance float64) (float64, error) {
	for span := firstRateSpan; ; span *= 2 {
		first, err := sharpest(ctx, n)
		if err != nil {
			return 0, err
		}
		if err := wait.For(ctx, span); err != nil {
			return 0, err
		}
		last, err := sharpest(ctx, n)
		if err != nil {
			return 0, err
		}
		passed := last.at.Sub(first.at)
		uncertain := float64(first.bound+last.bound) / float64(passed)
		if uncertain <= tolerance {
			return 1 + float64(last.offset-first.offset)/float64(passed), nil
		}
		if span >= lastRateSpan {
			return 0, fmt.Errorf("%w: the rate of node %s is uncertain by %.3f after %v; is the host overloaded?",
				ErrNotProven, n.Name(), uncertain, passed)
		}
	}
}

// signed writes a duration with its sign, to the microsecond that TIME has.
func signed(d time.Duration) string {
	text := d.Round(time.Microsecond).String()
	if d >= 0 {
		return "+" + text
	}
	return text
}
