package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// endTimeout is how long a worker may take to end. The harness kills it earlier, but the machine
// may be busy, and this is about whether it ends at all.
const endTimeout = 10 * time.Second

// conversation is a worker that's told what the harness would never say, line by line.
type conversation struct {
	cancel  context.CancelFunc
	command *exec.Cmd
	stdin   io.WriteCloser
	replies *protocol.Reader
	lastID  int64
}

// converse starts a worker. It's killed when ctx ends.
func (b *bench) converse(ctx context.Context) (*conversation, error) {
	ctx, cancel := context.WithCancel(ctx)
	c := &conversation{cancel: cancel, command: exec.CommandContext(ctx, b.worker.Command[0], b.worker.Command[1:]...)}
	c.command.WaitDelay = time.Second
	stdin, err := c.command.StdinPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	stdout, err := c.command.StdoutPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	c.stdin, c.replies = stdin, protocol.NewReader(stdout)
	if err := c.command.Start(); err != nil {
		cancel()
		return nil, err
	}
	return c, nil
}

// greeted starts a worker and greets it.
func (b *bench) greeted(ctx context.Context) (*conversation, error) {
	c, err := b.converse(ctx)
	if err != nil {
		return nil, err
	}
	config := b.config(0)
	if _, err := c.ask(protocol.Request{Op: protocol.Hello, Config: &config}); err != nil {
		_, ended := c.end()
		return nil, errors.Join(fmt.Errorf("greeting: %w", err), ended)
	}
	return c, nil
}

// ask sends a request and waits for its reply.
func (c *conversation) ask(r protocol.Request) (protocol.Reply, error) {
	c.lastID++
	r.ID, r.Now = c.lastID, now()
	var reply protocol.Reply
	if err := protocol.WriteLine(c.stdin, r); err != nil {
		return reply, err
	}
	return reply, c.replies.Next(&reply)
}

// say sends anything.
func (c *conversation) say(line string) error {
	_, err := io.WriteString(c.stdin, line)
	return err
}

// end closes the worker's input and waits for its end.
func (c *conversation) end() (status int, err error) {
	_ = c.stdin.Close() // fails where the worker has ended already
	return c.await()
}

// await waits until the worker ends by itself, and returns its status. It kills one that doesn't.
func (c *conversation) await() (status int, err error) {
	overdue := time.AfterFunc(endTimeout, c.cancel)
	_ = c.command.Wait() // how it ended is in ProcessState
	if !overdue.Stop() {
		return 0, fmt.Errorf("it was still there after %v", endTimeout)
	}
	c.cancel()
	_ = c.stdin.Close()
	return c.command.ProcessState.ExitCode(), nil
}
