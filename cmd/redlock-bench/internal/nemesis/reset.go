package nemesis

import (
	"fmt"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// ResetLinks breaks the open connections of Clients. There is nothing to undo.
const ResetLinks Kind = "reset"

var resetLinks = Type{
	Kind: ResetLinks, Scope: OnLinks, Momentary: true,
	link: &linkFault{atOnce: resetAll},
	Variants: []Variant{{
		Name: "reset", Claim: Pauses, About: "open connections break",
		draw: func(d Dice) []Fault { return []Fault{{Kind: ResetLinks, Nodes: d.nodes(), Clients: d.clients()}} },
	}},
}

// resetAll breaks the open connections; false means that there were none.
func resetAll(n cluster.Node, clients []int, links []*Link) (effect.Proof, bool) {
	proof := linkProof(n, clients, string(ResetLinks))
	broken := 0
	for _, link := range links {
		broken += link.Reset()
	}
	proof.How = "connections of the proxies"
	proof.Before, proof.After = fmt.Sprintf("%d open", broken), fmt.Sprintf("%d reset", broken)
	proof.Seen = clockdrift.System().Now()
	return proof, broken > 0
}
