package loadgen

import (
	"fmt"
	"sync"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// The range and precision of what is recorded: three digits, from 1 µs to an hour.
const (
	shortest = time.Microsecond
	longest  = time.Hour
	digits   = 3
)

// Latencies is a distribution of durations. It's safe for concurrent use until it's read.
type Latencies struct {
	mu        sync.Mutex
	histogram *hdr.Histogram
}

// NewLatencies returns an empty distribution.
func NewLatencies() *Latencies {
	return &Latencies{histogram: hdr.New(int64(shortest), int64(longest), digits)}
}

// Record adds d; what is longer than an hour counts as an hour.
func (l *Latencies) Record(d time.Duration) {
	d = min(max(d, 0), longest)
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.histogram.RecordValue(int64(d)) // it's in range
}

// Merge adds what other has.
func (l *Latencies) Merge(other *Latencies) { l.histogram.Merge(other.histogram) }

// Count is how many were recorded.
func (l *Latencies) Count() int64 { return l.histogram.TotalCount() }

// Max is the longest; 0 if there is none.
func (l *Latencies) Max() time.Duration { return time.Duration(l.histogram.Max()) }

// Percentile is the duration that p percent don't exceed, to three digits.
func (l *Latencies) Percentile(p float64) time.Duration {
	return time.Duration(l.histogram.ValueAtPercentile(p))
}

// MarshalText writes the distribution in HdrHistogram's own format, V2 with base64.
func (l *Latencies) MarshalText() ([]byte, error) { return l.histogram.EncodeV2() }

// UnmarshalText reads what MarshalText wrote.
func (l *Latencies) UnmarshalText(text []byte) error {
	h, err := hdr.Decode(text)
	if err != nil {
		return fmt.Errorf("loadgen: histogram: %w", err)
	}
	l.histogram = h
	return nil
}
