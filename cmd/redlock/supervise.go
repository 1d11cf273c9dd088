package main

import (
	"context"
	"os"
	"syscall"
	"time"
)

// held is what a supervisor has to know of a lock.
type held interface {
	Remaining() time.Duration
	Context() context.Context
}

// processes is a command's process group.
type processes interface {
	Ended() <-chan int
	Signal(syscall.Signal) error
	Gone() bool
	Until(left time.Duration)
}

// supervisor watches over a command that runs under a lock.
type supervisor struct {
	lock      held
	group     processes
	signals   <-chan os.Signal
	killAfter time.Duration
	// margin is how long before the lock's deadline the command has to be dead.
	margin time.Duration
}

// end is how a command ended.
type end struct {
	status int
	// lost says that it was ended since the lock was, or soon would be, over.
	lost bool
	// taken is why the lock was over before its time; nil if it wasn't, or nobody has noticed.
	taken error
	// alive says that a process was still there long after KILL.
	alive bool
}

const (
	// goneEvery is how often the group is asked for survivors when the command has ended.
	goneEvery = 10 * time.Millisecond
	// killPatience is how long a process may take to die of KILL. One that hangs in the kernel does for longer.
	killPatience = 10 * time.Second
)

// watch returns when the group has ended. It passes signals on, and ends the group before the lock's deadline.
//
// The deadline is read again and again instead of being waited for: a renewal moves it, and timers lag behind
// when the machine was suspended.
func (s *supervisor) watch() end {
	var e end
	var kill, killed time.Time // when KILL is due after TERM, and when it was sent
	ended, over := s.group.Ended(), s.lock.Context().Done()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case e.status = <-ended:
			ended = nil
		case sig := <-s.signals:
			_ = s.group.Signal(sig.(syscall.Signal)) // it fails if they have ended
		case <-over:
			over = nil
		case <-timer.C:
		}
		if ended == nil && s.group.Gone() {
			return e
		}
		left := s.lock.Remaining()
		s.group.Until(left - s.margin/2)
		switch {
		case !killed.IsZero():
			if time.Since(killed) > killPatience {
				e.alive = true
				return e
			}
		case left <= s.margin || (e.lost && !time.Now().Before(kill)):
			if !e.lost {
				// Nothing remains, and yet there may be no cause: whoever was stopped sees the time before the lock's timer does.
				e.taken = context.Cause(s.lock.Context())
			}
			e.lost, killed = true, time.Now()
			_ = s.group.Signal(syscall.SIGKILL)
		case left <= s.margin+s.killAfter && !e.lost:
			e.lost, kill = true, time.Now().Add(s.killAfter)
			_ = s.group.Signal(syscall.SIGTERM)
			_ = s.group.Signal(syscall.SIGCONT) // one that's stopped would get it only then
		}
		rest := s.margin // and not longer: a clock may have gone on without the timer
		switch {
		case ended == nil || !killed.IsZero():
			rest = goneEvery
		case e.lost:
			rest = min(rest, left-s.margin, time.Until(kill))
		default:
			rest = min(rest, left-s.margin-s.killAfter)
		}
		timer.Reset(max(rest, time.Millisecond))
	}
}
