// Package spoken writes durations as people read them.
//
// What is guaranteed: one duration has one number, wherever it's shown. The terminal, the page, the findings
// and the JSON round by the same rule; assets/time.js of package htmlreport follows it, too.
package spoken

import (
	"fmt"
	"math"
	"time"
)

// Duration writes d: whole milliseconds from 10 ms on, two decimals below that, and whole microseconds
// below 0.1 ms. A fraction of a microsecond counts as a whole one, so that no overlap looks like none.
func Duration(d time.Duration) string {
	us := (d + time.Microsecond - 1) / time.Microsecond
	switch {
	case us >= 10_000:
		return fmt.Sprintf("%d ms", (us+500)/1000)
	case us >= 100:
		hundredths := (us + 5) / 10
		return fmt.Sprintf("%d.%02d ms", hundredths/100, hundredths%100)
	case us > 0:
		return fmt.Sprintf("%d µs", us)
	}
	return "0 ms"
}

// Milliseconds is for JSON: d in milliseconds, rounded up to the microsecond.
func Milliseconds(d time.Duration) float64 {
	return math.Ceil(float64(d)/float64(time.Microsecond)) / 1000
}

// FromMilliseconds writes what [Milliseconds] returned.
func FromMilliseconds(ms float64) string {
	return Duration(time.Duration(math.Round(ms*1000)) * time.Microsecond)
}

// Times writes how often something happened: "once", "2 times".
func Times(n int) string {
	if n == 1 {
		return "once"
	}
	return Count(n, "time")
}

// Count writes a number of things: "1 fault", "2 faults".
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
