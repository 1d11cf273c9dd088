package nemesis

import (
	"context"
	"fmt"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// PauseClient stops a client's process by SIGSTOP; it's undone by SIGCONT. It takes one of Clients.
const PauseClient Kind = "pause-client"

var pauseClient = Type{
	Kind: PauseClient, Scope: OnClients, Silences: true,
	client: func(ctx context.Context, _ Fault, p Process) (effect.Proof, undo, error) {
		proof, err := p.Stop(ctx)
		return proof, p.Continue, err
	},
	check: oneClient,
	Variants: []Variant{{
		Name: "pause-client", Claim: Pauses, About: "a client's process is stopped by SIGSTOP, and goes on",
		draw: func(d Dice) []Fault {
			return []Fault{{Kind: PauseClient, Nodes: []int{}, Clients: d.client(), For: d.ttls(0.1, 2)}}
		},
	}},
}

// oneClient validates a fault of a client's process.
func oneClient(f Fault) error {
	if len(f.Nodes) > 0 || len(f.Clients) != 1 {
		return fmt.Errorf("nemesis: fault %s: give one client, and no nodes", f.Kind)
	}
	return nil
}
