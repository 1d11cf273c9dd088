package main

import (
	"context"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// fakeLock has a deadline that tests move.
type fakeLock struct {
	ctx      context.Context
	mu       sync.Mutex
	deadline time.Time
}

// lasts moves the deadline.
func (l *fakeLock) lasts(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deadline = time.Now().Add(d)
}

func (l *fakeLock) Remaining() time.Duration {
	if l.ctx.Err() != nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(0, time.Until(l.deadline))
}

func (l *fakeLock) Context() context.Context { return l.ctx }

// fakeGroup notes which signals came when.
type fakeGroup struct {
	began    time.Time
	ended    chan int
	got      []signalAt
	diesOf   map[syscall.Signal]bool
	survives int // how often it isn't gone yet when the command has ended
}

type signalAt struct {
	signal syscall.Signal
	after  time.Duration
}

func (g *fakeGroup) Ended() <-chan int { return g.ended }

func (g *fakeGroup) Signal(s syscall.Signal) error {
	g.got = append(g.got, signalAt{s, time.Since(g.began)})
	if g.diesOf[s] {
		select {
		case g.ended <- 128 + int(s):
		default:
		}
	}
	return nil
}

func (g *fakeGroup) Until(time.Duration) {}

func (g *fakeGroup) Gone() bool {
	g.survives--
	return g.survives < 0
}

const (
	killAfter = 3 * time.Second
	margin    = 500 * time.Millisecond
)

// supervised runs a supervisor in virtual time over a lock that lasts for 10 s unless it's changed.
func supervised(t *testing.T, diesOf []syscall.Signal, change func(*fakeLock, *fakeGroup, context.CancelFunc, chan<- os.Signal)) (end, []signalAt, time.Duration) {
	var e end
	var got []signalAt
	var took time.Duration
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		began := time.Now()
		l := &fakeLock{ctx: ctx}
		l.lasts(10 * time.Second)
		g := &fakeGroup{began: began, ended: make(chan int, 1), diesOf: make(map[syscall.Signal]bool)}
		for _, s := range diesOf {
			g.diesOf[s] = true
		}
		signals := make(chan os.Signal, 1)
		if change != nil {
			change(l, g, cancel, signals)
		}
		s := supervisor{lock: l, group: g, signals: signals, killAfter: killAfter, margin: margin}
		e, got, took = s.watch(), g.got, time.Since(began)
	})
	return e, got, took
}

func TestTermThenKillBeforeTheDeadline(t *testing.T) {
	e, got, took := supervised(t, []syscall.Signal{syscall.SIGKILL}, nil)
	assert.Equal(t, end{status: 137, lost: true}, e)
	assert.Equal(t, []signalAt{{syscall.SIGTERM, 6500 * time.Millisecond}, {syscall.SIGCONT, 6500 * time.Millisecond}, {syscall.SIGKILL, 9500 * time.Millisecond}}, got)
	assert.Less(t, took, 10*time.Second)
}

func TestTermIsEnough(t *testing.T) {
	e, got, _ := supervised(t, []syscall.Signal{syscall.SIGTERM}, nil)
	assert.Equal(t, end{status: 143, lost: true}, e)
	assert.Len(t, got, 2)
}

// The command ends at TERM, and what it started doesn't.
func TestSurvivorsGetKill(t *testing.T) {
	e, got, _ := supervised(t, []syscall.Signal{syscall.SIGTERM}, func(_ *fakeLock, g *fakeGroup, _ context.CancelFunc, _ chan<- os.Signal) { g.survives = 400 })
	assert.True(t, e.lost)
	assert.Equal(t, signalAt{syscall.SIGKILL, 9500 * time.Millisecond}, got[len(got)-1])
}

func TestRenewalPutsTheEndOff(t *testing.T) {
	e, got, _ := supervised(t, []syscall.Signal{syscall.SIGKILL}, func(l *fakeLock, _ *fakeGroup, _ context.CancelFunc, _ chan<- os.Signal) {
		for i := range 5 {
			at := time.Duration(i+1) * 5 * time.Second
			time.AfterFunc(at, func() { l.lasts(10 * time.Second) })
		}
	})
	assert.True(t, e.lost)
	assert.Equal(t, signalAt{syscall.SIGTERM, 31500 * time.Millisecond}, got[0])
	assert.Equal(t, signalAt{syscall.SIGKILL, 34500 * time.Millisecond}, got[2])
}

// A lock that can be renewed again after TERM gives the command no more time than it was promised.
func TestRenewalAfterTerm(t *testing.T) {
	e, got, _ := supervised(t, []syscall.Signal{syscall.SIGKILL}, func(l *fakeLock, _ *fakeGroup, _ context.CancelFunc, _ chan<- os.Signal) {
		time.AfterFunc(7*time.Second, func() { l.lasts(10 * time.Second) })
	})
	assert.True(t, e.lost)
	assert.Equal(t, signalAt{syscall.SIGKILL, 9500 * time.Millisecond}, got[2])
}

func TestTakenAwayMeansKillAtOnce(t *testing.T) {
	e, got, _ := supervised(t, []syscall.Signal{syscall.SIGKILL}, func(_ *fakeLock, _ *fakeGroup, cancel context.CancelFunc, _ chan<- os.Signal) {
		time.AfterFunc(time.Second, cancel)
	})
	assert.Equal(t, end{status: 137, lost: true, taken: context.Canceled}, e)
	assert.Equal(t, []signalAt{{syscall.SIGKILL, time.Second}}, got)
}

// The machine was suspended, or redlock was stopped: the boot clock went on, and timers didn't. So the lock is over, and its
// context doesn't know.
func TestDeadlineThatJumps(t *testing.T) {
	e, got, _ := supervised(t, []syscall.Signal{syscall.SIGKILL}, func(l *fakeLock, _ *fakeGroup, _ context.CancelFunc, _ chan<- os.Signal) {
		time.AfterFunc(1100*time.Millisecond, func() { l.lasts(0) })
	})
	assert.Equal(t, end{status: 137, lost: true}, e)
	assert.Len(t, got, 1)
	assert.LessOrEqual(t, got[0].after, 1100*time.Millisecond+margin)
}

func TestSignalsArePassedOn(t *testing.T) {
	e, got, took := supervised(t, []syscall.Signal{syscall.SIGHUP}, func(_ *fakeLock, _ *fakeGroup, _ context.CancelFunc, signals chan<- os.Signal) {
		time.AfterFunc(time.Second, func() { signals <- syscall.SIGUSR1 })
		time.AfterFunc(2*time.Second, func() { signals <- syscall.SIGHUP })
	})
	assert.Equal(t, end{status: 129}, e)
	assert.Equal(t, []signalAt{{syscall.SIGUSR1, time.Second}, {syscall.SIGHUP, 2 * time.Second}}, got)
	assert.Equal(t, 2*time.Second, took)
}

func TestProcessThatHangsInTheKernel(t *testing.T) {
	e, _, took := supervised(t, nil, nil)
	assert.True(t, e.lost && e.alive)
	assert.Less(t, took, 9500*time.Millisecond+killPatience+time.Second)
}
