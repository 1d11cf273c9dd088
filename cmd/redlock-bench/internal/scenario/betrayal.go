package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
)

// The guards of package redlock.
const (
	restartGuard = "restart"
	clockGuard   = "clock"
	suspendGuard = "suspend"
	ghostGuard   = "ghost"
)

// stage is where M. Kleppmann's first example plays: two clients that each reach a bare majority of the nodes. So
// they share as few nodes as can be: with five nodes, one.
type stage struct {
	lab                *lab.Lab
	holder, challenger *lab.Client
	shared             []int
}

// divide cuts both clients off from the other one's side.
func divide(ctx context.Context, l *lab.Lab) (*stage, error) {
	s := &stage{lab: l, holder: l.Clients()[0], challenger: l.Clients()[1]}
	first, second, shared := sides(l.Len())
	s.shared = shared
	if err := cutOff(ctx, l, s.holder, span(len(first), l.Len())); err != nil {
		return nil, err
	}
	return s, cutOff(ctx, l, s.challenger, span(0, l.Len()-len(second)))
}

// betray is challenge, and a challenger that was refused goes on trying, which shows what it costs that it's refused.
func (s *stage) betray(ctx context.Context, happens func() error) error {
	if err := s.challenge(ctx, happens); err != nil {
		return err
	}
	return s.keepTrying(ctx)
}

// challenge gives the holder the lock and lets the challenger try, too, after something has happened to
// the nodes that both clients reach.
func (s *stage) challenge(ctx context.Context, happens func() error) error {
	if err := acquireAndRead(ctx, s.holder); err != nil {
		return err
	}
	if err := happens(); err != nil {
		return err
	}
	left, err := owners(ctx, s.lab, s.shared)
	if err != nil {
		return err
	}
	s.lab.Note("of the lock of %v, the nodes that both clients reach know: %s", s.holder, left)
	if s.holder.Renews() {
		// It may be told of its loss. Whether that's before another client is granted the lock, in
		// the same millisecond, is a matter of chance.
		if err := s.lab.SleepUntil(ctx, s.lab.Now()+s.lab.TTL()/10); err != nil {
			return err
		}
	}
	return duel(ctx, s.lab, s.holder, s.challenger)
}

// keepTrying has a challenger that was refused try until it has the lock. Against a lock that renews
// itself there is no use in that.
func (s *stage) keepTrying(ctx context.Context) error {
	if s.challenger.Believes() || s.holder.Renews() {
		return nil
	}
	if err := s.challenger.Acquire(ctx); err != nil || !s.holder.Believes() {
		return err
	}
	s.lab.Note("%v still believes that it has the lock", s.holder)
	if err := readAndWrite(ctx, s.challenger); err != nil {
		return err
	}
	return writeUnlessLost(ctx, s.lab, s.holder)
}
