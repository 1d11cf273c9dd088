package redlock

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// What a server refuses is over when it has done that, and not when it has done something else.
func TestRefusalsAreKeptByKind(t *testing.T) {
	const (
		oom    = serverReply("OOM command not allowed when used memory > 'maxmemory'.")
		noperm = serverReply("NOPERM this user has no permissions to run the 'pexpire' command")
	)
	type step struct {
		at   time.Duration
		op   operation
		said any // a status, or an error
		want Outcome
	}
	for name, steps := range map[string][]step{
		"memory full, releases and extensions are not": {
			{0, opAcquire, oom, Failed}, {1, opRelease, statusOK, Failed}, {2, opExtend, statusOK, Failed}, {3, opInspect, statusOK, Failed},
			{4, opLook, statusOK, Failed}, {5, opAcquire, statusOK, Granted},
		},
		"held says little while acquisitions are refused": {
			{0, opAcquire, oom, Failed}, {time.Second, opAcquire, statusHeld, Failed}, {2 * time.Second, opAcquire, oom, Failed},
			{11 * time.Second, opAcquire, statusHeld, Failed}, {13 * time.Second, opAcquire, statusHeld, Granted},
		},
		"a quarantine has been written": {{0, opAcquire, oom, Failed}, {1, opAcquire, statusQuarantined, Granted}},
		"a right that only extensions need": {
			{0, opExtend, noperm, Unfit}, {1, opAcquire, statusOK, Unfit}, {2, opRelease, statusOK, Unfit}, {3, opExtend, statusOK, Granted},
		},
		"a lack that nobody meets again": {
			{0, opRelease, noperm, Unfit}, {9 * time.Minute, opAcquire, statusOK, Unfit}, {11 * time.Minute, opAcquire, statusOK, Granted},
		},
		"what passes":             {{0, opExtend, oom, Failed}, {1, opAcquire, statusOK, Granted}},
		"inspecting isn't voting": {{0, opInspect, noperm, Unfit}, {1, opAcquire, statusOK, Granted}},
		"nor is waiting in line":  {{0, opWait, oom, Failed}, {1, opAcquire, statusOK, Granted}},
		"a confirmation is part of an acquisition": {
			{0, opConfirm, oom, Failed}, {1, opConfirm, statusHeld, Failed}, {2, opConfirm, statusOK, Granted},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var r refusals
			began := time.Now()
			for i, s := range steps {
				err, _ := s.said.(error)
				answer, _ := s.said.(status)
				outcome, _ := explain(errors.Join(err), connection{})
				r.note(s.op, reply{status: answer}, err, outcome, began.Add(s.at))
				got := Granted
				if last, counts := r.last(); counts {
					got = last.outcome
				}
				assert.Equal(t, s.want, got, "step %d", i+1)
			}
		})
	}
}

// A server without TLS waits for the rest of what it takes for a command.
func TestSilenceOfAServerWithoutTLS(t *testing.T) {
	v := &voter{link: connection{tls: true}}
	assert.ErrorContains(t, v.silence(time.Second), "rediss:// to a server without TLS ends like this; if it's slow or far away, raise WithNodeTimeout, which is 1s")
	v.answered = time.Now()
	assert.NotContains(t, v.silence(time.Second).Error(), "TLS", "it has answered before")
}
