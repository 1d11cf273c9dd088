package spoken

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestDuration(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0 ms":     0,
		"1 µs":     1,
		"99 µs":    99 * time.Microsecond,
		"0.10 ms":  100 * time.Microsecond,
		"1.56 ms":  1562 * time.Microsecond,
		"9.99 ms":  9994 * time.Microsecond,
		"10 ms":    10 * time.Millisecond,
		"785 ms":   784_973 * time.Microsecond,
		"784 ms":   784_499 * time.Microsecond,
		"3155 ms":  3154_500_000,
		"60000 ms": time.Minute,
	} {
		assert.Equal(t, want, Duration(d))
	}
}

// TestOneDurationHasOneNumber shows that the way through JSON changes nothing.
func TestOneDurationHasOneNumber(t *testing.T) {
	for d := time.Duration(1); d < 2*time.Second; d += d/7 + 499 {
		assert.Equal(t, Duration(d), FromMilliseconds(Milliseconds(d)), "%d", d)
	}
}

func TestCount(t *testing.T) {
	assert.Equal(t, "0 faults, 1 fault, 2 faults", Count(0, "fault")+", "+Count(1, "fault")+", "+Count(2, "fault"))
}
