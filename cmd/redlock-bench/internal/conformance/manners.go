package conformance

import (
	"context"
	"errors"
	"fmt"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// manners are the checks on how a worker talks.
var manners = []check{
	{"hello: the greeting is answered", greets},
	{"hello: another version is refused", refusesVersion},
	{"exit: the reply, and then the end with status 0", exits},
	{"the end of the input is the end of the worker", endsWithInput},
	{"an unknown operation isn't granted", refusesOperation},
	{"a line that isn't JSON ends the worker with a status other than 0", refusesGarbage},
}

func greets(ctx context.Context, b *bench) error {
	_, err := b.start(ctx)
	return err
}

func refusesVersion(ctx context.Context, b *bench) error {
	c, err := b.converse(ctx)
	if err != nil {
		return err
	}
	config := b.config(0)
	config.Version = 99
	reply, err := c.ask(protocol.Request{Op: protocol.Hello, Config: &config})
	status, ended := c.end()
	switch {
	case ended != nil:
		return ended
	case err == nil && reply.OK:
		return errors.New("it greeted version 99, of which it can't know anything")
	case err != nil && status == 0:
		return errors.New("it ended with status 0, as if all were well")
	}
	return nil
}

func exits(ctx context.Context, b *bench) error {
	c, err := b.greeted(ctx)
	if err != nil {
		return err
	}
	reply, err := c.ask(protocol.Request{Op: protocol.Exit})
	// Not its input's end, but the request has to end it.
	status, ended := c.await()
	switch {
	case err != nil:
		return err
	case ended != nil:
		return ended
	case !reply.OK || status != 0:
		return fmt.Errorf("it replied ok %v and ended with status %d", reply.OK, status)
	}
	return nil
}

func endsWithInput(ctx context.Context, b *bench) error {
	c, err := b.greeted(ctx)
	if err != nil {
		return err
	}
	_, err = c.end()
	return err
}

func refusesOperation(ctx context.Context, b *bench) error {
	c, err := b.greeted(ctx)
	if err != nil {
		return err
	}
	reply, err := c.ask(protocol.Request{Op: "steal", Name: b.lock})
	if _, ended := c.end(); ended != nil {
		return ended
	}
	if err == nil && reply.OK {
		return errors.New(`it granted the operation "steal"`)
	}
	return nil
}

func refusesGarbage(ctx context.Context, b *bench) error {
	c, err := b.greeted(ctx)
	if err != nil {
		return err
	}
	err = c.say("{\"id\": 2, \"op\": \n")
	status, ended := c.await()
	switch {
	case err != nil:
		return err
	case ended != nil:
		return ended
	case status == 0:
		return errors.New("it ended with status 0, as if all were well")
	}
	return nil
}
