package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var maxClients = Scenario{
	Name:    "max-clients",
	About:   "a minority of the nodes has no connections left (maxclients), and hangs up on whoever wants one",
	Source:  "Redis documentation, \"Redis client handling\", section \"Maximum concurrent connected clients\", https://redis.io/docs/latest/develop/reference/clients/",
	Steps:   shutSteps("at their limit of connections: they end those of both clients, and refuse new ones"),
	Clients: 2, MinNodes: 3,
	Backend: cluster.Redis,
	Demands: true,
	Denies:  subject.NeedsOneNode,
	Perform: shuts(cluster.Connections),
}

var fileLimit = Scenario{
	Name:    "file-limit",
	About:   "a minority of the nodes may open no more files, so new connections to it hear nothing until it may again",
	Source:  "Redis documentation, \"Redis client handling\", on file descriptors; accept(2), EMFILE",
	Steps:   shutSteps("at their limit of open files (RLIMIT_NOFILE): they end the connections of both clients, and nobody answers on new ones"),
	Clients: 2, MinNodes: 3,
	Backend: cluster.Redis,
	Demands: true,
	Denies:  subject.NeedsOneNode,
	Perform: shuts(cluster.Files),
}

func shutSteps(how string) []string {
	return []string{
		"a minority of the nodes, C among them, is " + how,
		"client 1 must get the lock, which nobody holds, within half a TTL",
		"client 2 tries to get it while client 1 believes in it",
		"the nodes are as before, what waited there is served, and client 2 tries again",
	}
}

// shuts is an experiment with nodes that take no connections for want of something.
func shuts(lack cluster.Lack) func(context.Context, *lab.Lab) error {
	return func(ctx context.Context, l *lab.Lab) error {
		first, other := l.Clients()[0], l.Clients()[1]
		minority := span(l.Len()/2, l.Len()/2+(l.Len()-1)/2)
		fault, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.Shut, Nodes: minority, Lack: lack})
		if err != nil {
			return err
		}
		if err := demandAcquire(ctx, l, first); err != nil {
			return err
		}
		if !first.Believes() {
			l.Note("%v was refused, the last time by: %s", first, first.Refusal())
			if _, _, err := other.Contend(ctx, l.Now()+l.TTL()/4); err != nil {
				return err
			}
			return l.Undo(ctx, fault)
		}
		if err := first.Read(ctx); err != nil {
			return err
		}
		if err := duelUntil(ctx, l, first, other, first.ValidUntil()-l.TTL()*3/8, 1); err != nil {
			return err
		}
		if err := l.Undo(ctx, fault); err != nil || other.Believes() {
			return err
		}
		return duelUntil(ctx, l, first, other, first.ValidUntil()-l.TTL()/8, 0)
	}
}
