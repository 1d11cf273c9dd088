package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// protocolVersion is the version of the protocol that this program speaks.
const protocolVersion = 1

// session is one run of a worker.
type session struct {
	peer     peer
	locker   locker // nil before the greeting
	resource *resource
	held     map[string]*held // the last acquisition of each name
}

type held struct {
	lease
	id   int64 // of the request that acquired it
	read *counters
}

// refusal is an answer of the lock library that isn't yes.
type refusal struct{ error }

// serve answers the requests from in on out until it's told to exit or in ends. An error means
// that it can't go on.
func serve(in io.Reader, out io.Writer, p peer) (err error) {
	s := &session{peer: p, held: make(map[string]*held)}
	defer func() {
		if s.locker != nil {
			err = errors.Join(err, s.locker.close())
		}
	}()
	requests, replies := bufio.NewScanner(in), json.NewEncoder(out)
	for requests.Scan() {
		var r request
		if err := json.Unmarshal(requests.Bytes(), &r); err != nil {
			return fmt.Errorf("request: %w", err)
		}
		answer, err := s.answer(r)
		if err != nil {
			return fmt.Errorf("%s: %w", r.Op, err)
		}
		if err := replies.Encode(answer); err != nil {
			return err
		}
		if r.Op == "exit" {
			return nil
		}
	}
	return requests.Err()
}

func (s *session) answer(r request) (reply, error) {
	a := reply{ID: r.ID, OK: true}
	switch {
	case r.Op == "exit":
		return a, nil
	case r.Op == "hello":
		return a, s.hello(r, &a)
	case s.locker == nil:
		return a, errors.New("comes before the greeting")
	}
	a.Invoked = now()
	err := s.perform(r, &a)
	// Before the reading of the clock at which it's reported: a pause in between must not
	// lengthen it.
	if h := s.held[r.Name]; h != nil && r.Op != "release" {
		a.ValidUntil, a.LostAt = h.validUntil(), h.lostAt()
	}
	a.Returned = now()
	if no, refused := errors.AsType[refusal](err); refused {
		a.OK, a.Error, err = false, no.Error(), nil
	}
	return a, err
}

func (s *session) hello(r request, a *reply) error {
	if s.locker != nil || r.Config == nil || len(r.Config.Nodes) == 0 {
		return errors.New("comes twice or has no config with nodes")
	}
	if r.Config.Version != protocolVersion {
		return fmt.Errorf("the harness speaks version %d, this worker %d", r.Config.Version, protocolVersion)
	}
	nodes := r.Config.Nodes
	if s.peer.singleNode {
		middle := len(nodes) / 2
		nodes, a.Uses = nodes[middle:middle+1], []int{middle}
	}
	l, err := s.peer.open(*r.Config, nodes)
	if err != nil {
		return err
	}
	s.locker, s.resource = l, newResource(*r.Config)
	a.Version, a.Renews = protocolVersion, s.peer.renews
	_, a.Waits = l.(waiter)
	return nil
}

func (s *session) perform(r request, a *reply) error {
	if r.Op == "acquire" {
		return s.acquire(r, a)
	}
	h := s.held[r.Name]
	if h == nil {
		return fmt.Errorf("%q was never acquired", r.Name)
	}
	var err error
	switch r.Op {
	case "extend":
		return refused(h.extend(context.Background()))
	case "release":
		return refused(h.release(context.Background()))
	case "check":
		return h.mustBeValid()
	case "read":
		h.read, err = s.resource.read()
		a.Counters = h.read
		return err
	case "write":
		return s.write(r, h)
	}
	return errors.New("there is no such operation")
}

func (s *session) acquire(r request, a *reply) error {
	delete(s.held, r.Name)
	ctx := context.Background()
	if r.CancelAfter > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(r.CancelAfter)*time.Millisecond)
		defer cancel()
	}
	ask := s.locker.acquire
	if w, waits := s.locker.(waiter); r.Wait && waits {
		ask = w.wait
	}
	l, err := ask(ctx, r.Name, time.Duration(r.TTL)*time.Millisecond)
	if err != nil {
		return refusal{err}
	}
	s.held[r.Name], a.Token = &held{lease: l, id: r.ID}, l.token()
	return nil
}

// write looks at the lock and writes. The harness may have it stop between the two, where no lock
// helps.
func (s *session) write(r request, h *held) error {
	if h.read == nil {
		return errors.New("nothing was read under this lock")
	}
	if r.Recheck {
		if err := h.mustBeValid(); err != nil {
			return err
		}
	}
	if r.StopAfterCheck {
		if err := stopSelf(); err != nil {
			return err
		}
	}
	return s.resource.write(h.id, h.read)
}

func (h *held) mustBeValid() error {
	until := h.validUntil()
	if now() >= until {
		return refusal{errors.New("the lock is no longer valid")}
	}
	return nil
}

// refused marks an error, if there is one, as the library's answer.
func refused(err error) error {
	if err == nil {
		return nil
	}
	return refusal{err}
}
