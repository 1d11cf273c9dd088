package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var duplicatedRequests = Scenario{
	Name:   "duplicated-requests",
	About:  "each request of a client is carried out twice, and it's the second reply that arrives",
	Source: "client libraries that repeat a request whose reply was lost, go-redis' MaxRetries for one, https://github.com/redis/go-redis; exactly-once RPC: A. Birrell and B. Nelson, \"Implementing Remote Procedure Calls\" (1984)",
	Steps: []string{
		"from now on all requests of client 1 are carried out twice, and the second reply is the one that counts",
		"client 1 must get the lock, which nobody holds, within half a TTL: its own key must not be in its way",
		"client 2 tries to get the lock while client 1 believes in it",
	},
	Clients:  2,
	MinNodes: 1,
	Demands:  true,
	Denies:   subject.RefusesItself,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		twice, other := l.Clients()[0], l.Clients()[1]
		fault, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.Duplicate, Nodes: l.Used(), Clients: []int{twice.Index()}, Each: true})
		if err != nil {
			return err
		}
		if err := demandAcquire(ctx, l, twice); err != nil {
			return err
		}
		if !twice.Believes() {
			l.Note("%v was refused, the last time by: %s", twice, twice.Refusal())
			if _, _, err := other.Contend(ctx, l.Now()+l.TTL()/4); err != nil {
				return err
			}
			return l.Undo(ctx, fault)
		}
		if err := twice.Read(ctx); err != nil {
			return err
		}
		if err := duelUntil(ctx, l, twice, other, twice.ValidUntil()-l.TTL()/4, 1); err != nil {
			return err
		}
		return l.Undo(ctx, fault)
	},
}
