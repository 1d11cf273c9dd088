package nemesis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

var errRefused = errors.New("connection refused")

// Probe sends a PING to the node on a connection of its own through this link, subject to its
// faults, and returns how long the reply took. The probe isn't counted in [Stats] and leaves
// nothing behind. It needs a context with a deadline to notice a link that carries nothing.
func (l *Link) Probe(ctx context.Context) (time.Duration, error) {
	return l.ask(ctx, "*1\r\n$4\r\nPING\r\n", "+PONG\r\n")
}

// ask is a probe with any question.
func (l *Link) ask(ctx context.Context, question, answer string) (time.Duration, error) {
	near, far := net.Pipe()
	defer near.Close()
	relay := l.admit(far, true)
	if relay == nil {
		return 0, fmt.Errorf("nemesis: probe of the %v: %w", l, errRefused)
	}
	defer relay.end(reset)
	// Closing the pipe is what makes a pending Read return when the context ends.
	stop := context.AfterFunc(ctx, func() { _ = near.Close() })
	defer stop()
	began := time.Now()
	reply := make([]byte, len(answer))
	_, err := io.WriteString(near, question)
	if err == nil {
		_, err = io.ReadFull(near, reply)
	}
	if err != nil {
		return 0, fmt.Errorf("nemesis: probe of the %v: %w", l, errors.Join(context.Cause(ctx), err))
	}
	if string(reply) != answer {
		return 0, fmt.Errorf("nemesis: probe of the %v: reply %q instead of %q", l, reply, answer)
	}
	return time.Since(began), nil
}

// probes is what probing several links at the same time showed.
type probes struct {
	links    int
	answered int
	fastest  time.Duration // 0 if none answered
	within   time.Duration // how long each was waited for
}

// String says it in a few words.
func (p probes) String() string {
	if p.answered == 0 {
		return fmt.Sprintf("0 of %d answer in %v", p.links, p.within)
	}
	return fmt.Sprintf("%d of %d answer, the fastest in %v", p.answered, p.links, p.fastest.Round(time.Microsecond))
}

// probeAll probes every link once and waits for each at most so long.
func probeAll(ctx context.Context, links []*Link, within time.Duration) probes {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	times := make([]time.Duration, len(links)) // 0 where there was no answer
	var workers sync.WaitGroup
	for i, link := range links {
		workers.Go(func() { times[i], _ = link.Probe(ctx) })
	}
	workers.Wait()
	result := probes{links: len(links), within: within}
	for _, t := range times {
		if t == 0 {
			continue
		}
		result.answered++
		if result.fastest == 0 || t < result.fastest {
			result.fastest = t
		}
	}
	return result
}
