package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
)

// duel lets challenger try to get the lock while holder believes that it has it. If that works,
// both do what they wanted the lock for: the challenger first, and then the holder, which has
// read the resource before.
//
// The attempts end half a TTL before the holder's belief does, well away from the instant at
// which the lock may rightly change hands.
func duel(ctx context.Context, l *lab.Lab, holder, challenger *lab.Client) error {
	return duelUntil(ctx, l, holder, challenger, holder.ValidUntil()-l.TTL()/2, 1)
}

// duelUntil is a duel in which challenger may try until the given instant. It's spoiled if challenger
// gets nothing and has made fewer attempts than there should be time for.
func duelUntil(ctx context.Context, l *lab.Lab, holder, challenger *lab.Client, until time.Duration, attempts int) error {
	acquired, refused, err := challenger.Contend(ctx, until)
	if err != nil {
		return err
	}
	if !acquired && refused < attempts {
		return lab.Spoiled("%v made %d attempts in %v's time, of %d that it should have made", challenger, refused, holder, attempts)
	}
	if !acquired {
		l.Note("%v was refused %d times while %v believed that it had the lock, the last time by: %s",
			challenger, refused, holder, challenger.Refusal())
		return nil
	}
	l.Note("%v acquired the lock, after %d refusals, while %v believed that it had it", challenger, refused, holder)
	if err := readAndWrite(ctx, challenger); err != nil {
		return err
	}
	return writeUnlessLost(ctx, l, holder)
}

// writeUnlessLost lets a client write that believed in its lock when it was last asked.
func writeUnlessLost(ctx context.Context, l *lab.Lab, c *lab.Client) error {
	believed := c.ValidUntil()
	wrote, err := c.Write(ctx, true)
	switch {
	case err != nil || wrote:
		return err
	case l.Now() < believed:
		l.Note("%v had learnt meanwhile that its lock was lost, and didn't write", c)
		return nil
	}
	return lab.Spoiled("the lock of %v was over before it could write", c)
}

// acquireAndRead takes the lock and reads the resource under it.
func acquireAndRead(ctx context.Context, c *lab.Client) error {
	if err := c.Acquire(ctx); err != nil {
		return err
	}
	return c.Read(ctx)
}

// readAndWrite adds one to the resource, under a lock that was just acquired.
func readAndWrite(ctx context.Context, c *lab.Client) error {
	if err := c.Read(ctx); err != nil {
		return err
	}
	wrote, err := c.Write(ctx, true)
	if err == nil && !wrote {
		err = lab.Spoiled("the lock of %v was over before it could write", c)
	}
	return err
}

// succeed lets the time of before's lock run out, and next acquire the lock and write. It leaves
// before's process stopped if its lock renews itself.
func succeed(ctx context.Context, l *lab.Lab, before, next *lab.Client) error {
	if err := before.Outlast(ctx); err != nil {
		return err
	}
	l.Note("the time of %v's lock is over", before)
	if err := next.Acquire(ctx); err != nil {
		return err
	}
	if err := readAndWrite(ctx, next); err != nil {
		return err
	}
	l.Note("%v wrote to the resource", next)
	return nil
}

// span returns the numbers from first up to but not including end.
func span(first, end int) []int {
	var all []int
	for i := first; i < end; i++ {
		all = append(all, i)
	}
	return all
}

// sides returns the nodes that the two clients of Kleppmann's examples reach: each a majority,
// the first one's from the front and the second one's from the back, and those that both reach.
func sides(nodes int) (first, second, shared []int) {
	majority := nodes/2 + 1
	return span(0, majority), span(nodes-majority, nodes), span(nodes-majority, majority)
}

// owners says who has the lock's key on the given nodes, for the evidence.
func owners(ctx context.Context, l *lab.Lab, nodes []int) (string, error) {
	text := ""
	for _, i := range nodes {
		value, found, err := l.Node(i).Value(ctx, lab.LockName)
		if err != nil {
			return "", err
		}
		if !found {
			value = "no key"
		}
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf("%s has %.8s", effect.NodeName(i), value)
	}
	return text, nil
}
