package clockdrift_test

import (
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
)

// A lock of 10 s may be trusted for 10 s less 1 % and 2 ms, counted from before the request was sent.
func ExampleWindow() {
	fmt.Println("not relied upon:", clockdrift.Allowance(10*time.Second, 0.01).Round(time.Millisecond))
	w := clockdrift.NewWindow(5*time.Second, 10*time.Second, 0.01) // our clock read 5 s
	fmt.Println("from", w.Start(), "to", w.Deadline().Round(time.Millisecond), "which is", w.Length().Round(time.Millisecond))
	for _, now := range []time.Duration{7 * time.Second, 15 * time.Second} {
		fmt.Println("at", now, w.Open(now), w.Remaining(now).Round(time.Millisecond))
	}
	fmt.Println("cut short:", w.Until(8*time.Second).Deadline())
	// Output:
	// not relied upon: 102ms
	// from 5s to 14.898s which is 9.898s
	// at 7s true 7.898s
	// at 15s false 0s
	// cut short: 8s
}

// Where two of three clocks aren't known, nothing is.
func ExampleInterval() {
	known := clockdrift.Interval{Low: 10 * time.Millisecond, High: 14 * time.Millisecond}
	fmt.Println(known.Width(), known.Middle(), known.Widen(time.Millisecond), known.Known())
	agreed := clockdrift.Agreed([]clockdrift.Interval{known, clockdrift.Unknown, clockdrift.Unknown})
	fmt.Println(agreed.Known())
	// Output:
	// 4ms 12ms {9ms 15ms} true
	// false
}

// A voter said 12:00:00 in a reply that came 4 ms after its request was sent. 100 s later, its clock or ours may have gained or
// lost 1 %.
func ExampleSample() {
	noon := 12 * time.Hour
	s := clockdrift.Sample{Sent: 0, Received: 4 * time.Millisecond, Time: noon}
	at := s.At(4*time.Millisecond, 0.01)
	fmt.Println(at.Low-noon, at.High-noon > 4*time.Millisecond, at.Width() < 5*time.Millisecond)
	later := s.At(100*time.Second, 0.01)
	fmt.Println(later.Low-noon < 100*time.Second, later.High-noon > 100*time.Second, later.Width().Round(time.Second))
	// Output:
	// 0s true true
	// true true 2s
}

// While voters are replaced, a majority of the old ones and one of the new ones are right. So what either set agrees on is true.
func ExampleNewJointClocks() {
	noon := 12 * time.Hour
	clocks := clockdrift.NewJointClocks(0.01, 250*time.Millisecond, 500*time.Millisecond, []int{0, 1, 2}, []int{0, 1, 3})
	for voter := range 2 {
		clocks.Observe(voter, clockdrift.Sample{Sent: 0, Received: 4 * time.Millisecond, Time: noon})
	}
	fmt.Println(clocks.Agreed(4 * time.Millisecond).Known())
	// Output: true
}

// Clocks put the samples of one moment together, and remember what was agreed on.
func ExampleClocks() {
	noon := 12 * time.Hour
	clocks := clockdrift.NewClocks(3, 0.01, 250*time.Millisecond, 500*time.Millisecond)
	fmt.Println("at first:", clocks.Agreed(0).Known())
	for voter, ahead := range []time.Duration{0, time.Hour, 0} { // the second one is wrong
		clocks.Observe(voter, clockdrift.Sample{Sent: 0, Received: 4 * time.Millisecond, Time: noon + ahead})
	}
	now := 10 * time.Millisecond
	agreed := clocks.Agreed(now)
	fmt.Println("agreed:", clocks.Tell(now), agreed.Low <= noon+now, noon+now <= agreed.High, agreed.Width() < time.Second)
	fmt.Println("the second one:", clocks.At(1, now).Middle() > noon+59*time.Minute)
	// Output:
	// at first: false
	// agreed: true true true true
	// the second one: true
}

// The system's clock, and one of a test's own.
func ExampleClock() {
	system := clockdrift.System()
	before := system.Now()
	fmt.Println(system.Now() >= before)

	now := time.Minute
	var own clockdrift.Clock = clockdrift.ClockFunc(func() time.Duration { return now })
	now += time.Second
	fmt.Println(own.Now())
	// Output:
	// true
	// 1m1s
}

// On Linux and macOS the clock goes on while the machine is suspended. Elsewhere this says that it doesn't.
func ExampleCountsSuspend() {
	if !clockdrift.CountsSuspend() {
		fmt.Println("don't suspend this machine while it holds a lock")
	}
	// Output:
}

// A fake clock is a function.
func ExampleClockFunc() {
	clock := clockdrift.ClockFunc(func() time.Duration { return 3 * time.Second })
	fmt.Println(clock.Now())
	// Output: 3s
}
