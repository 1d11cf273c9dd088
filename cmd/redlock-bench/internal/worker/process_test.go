package worker

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// patience is longer than anything here should take, and shorter than bad workers sleep.
const patience = 10 * time.Second

func startBad(t *testing.T, fault string, timeout time.Duration) (*Process, error) {
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	p, err := Start(ctx, []string{os.Args[0], "bad-worker", fault}, protocol.Config{Client: "client 1", Subject: "bad", TTL: 1000})
	if err == nil {
		t.Cleanup(func() {
			assert.NoError(t, p.Close())
			assertGone(t, p.PID())
		})
	}
	return p, err
}

// assertGone checks that there is neither the process nor anybody in its group.
func assertGone(t *testing.T, pid int) {
	// Orphans in the group are reaped by init, which may take a moment.
	assert.Eventually(t, func() bool { return syscall.Kill(-pid, 0) == syscall.ESRCH }, patience, 10*time.Millisecond)
}

func TestBadWorkersFailTheirCall(t *testing.T) {
	for fault, want := range map[string]string{
		"crashes":                    "ended with exit status 4; its last words: panic: lost my mind",
		"talks garbage":              `"Acquired the lock!"`,
		"talks without end":          "longer than",
		"replies to another request": "replied with id 3 to acquire with id 2",
		"lies about the time":        "reported that acquire ran",
		"skews its readings":         "reported that acquire ran",
		"believes for years":         "more than two TTLs of 1s",
		"has no token":               "without a token",
		"closes its output":          "closed its output",
		"speaks without being asked": "id 7",
	} {
		t.Run(fault, func(t *testing.T) {
			p, err := startBad(t, fault, patience)
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			_, err = p.Do(ctx, protocol.Request{Op: protocol.Acquire, Name: "job", TTL: 1000})
			require.ErrorIs(t, err, ErrWorker)
			assert.ErrorContains(t, err, want)
			assert.ErrorContains(t, err, "client 1 (bad)")
			_, err = p.Do(ctx, protocol.Request{Op: protocol.Check, Name: "job"})
			assert.ErrorIs(t, err, ErrWorker, "it stays failed")
		})
	}
}

func TestBadGreetings(t *testing.T) {
	for fault, want := range map[string]string{
		"greets with another version": "version 99, want version 1",
		"refuses the greeting":        "no such subject here",
		"exits at once":               "exit status 3; its last words: panic: no memory",
	} {
		t.Run(fault, func(t *testing.T) {
			_, err := startBad(t, fault, patience)
			require.ErrorIs(t, err, ErrWorker)
			assert.ErrorContains(t, err, want)
		})
	}
	t.Run("never greets", func(t *testing.T) {
		_, err := startBad(t, "never greets", 100*time.Millisecond)
		require.ErrorIs(t, err, ErrWorker)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestHangingWorker(t *testing.T) {
	p, err := startBad(t, "hangs", patience)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = p.Do(ctx, protocol.Request{Op: protocol.Acquire, Name: "job"})
	require.ErrorIs(t, err, ErrWorker)
	assert.ErrorContains(t, err, "no reply to acquire")
	_, err = p.Begin(protocol.Request{Op: protocol.Check, Name: "job"})
	assert.ErrorContains(t, err, "check while acquire is still under way")
}

func TestCloseEndsGrandchildren(t *testing.T) {
	p, err := startBad(t, "leaves a child behind", patience)
	require.NoError(t, err)
	_, err = p.Do(t.Context(), protocol.Request{Op: protocol.Acquire, Name: "job"})
	require.NoError(t, err)
	// The cleanup checks that nobody is left in its group.
}

func TestMissingProgram(t *testing.T) {
	_, err := Start(t.Context(), []string{"/does/not/exist"}, protocol.Config{Client: "client 1"})
	require.ErrorIs(t, err, ErrWorker)
	assert.ErrorIs(t, err, os.ErrNotExist)
}
