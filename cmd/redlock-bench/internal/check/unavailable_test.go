package check

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

func TestUnavailable(t *testing.T) {
	acquired := func(client string, from, until, valid time.Duration) history.Operation {
		return history.Operation{Client: client, Op: protocol.Acquire, Lease: int64(from), Invoked: from, Returned: until, OK: true, ValidUntil: valid}
	}
	refused := func(client string, from, until time.Duration) history.Operation {
		return history.Operation{Client: client, Op: protocol.Acquire, Lease: int64(from), Invoked: from, Returned: until}
	}
	for name, c := range map[string]struct {
		operations []history.Operation
		want       time.Duration
	}{
		"nothing":                         {nil, 0},
		"granted at once":                 {[]history.Operation{acquired("a", 10, 12, 100)}, 0},
		"refused by a holder":             {[]history.Operation{acquired("a", 10, 12, 100), refused("b", 20, 30)}, 0},
		"refused until after the holder":  {[]history.Operation{acquired("a", 10, 12, 100), refused("b", 20, 30), acquired("b", 120, 130, 200)}, 30},
		"refused by nobody":               {[]history.Operation{refused("b", 20, 30)}, 10},
		"gave up in between":              {[]history.Operation{refused("b", 20, 30), refused("b", 40, 55)}, 35},
		"two want it":                     {[]history.Operation{refused("a", 20, 40), refused("b", 30, 50)}, 30},
		"two want it, but not both":       {[]history.Operation{refused("a", 20, 30), refused("b", 40, 50)}, 20},
		"got it later, and didn't refuse": {[]history.Operation{acquired("a", 10, 12, 20), acquired("b", 30, 40, 60)}, 0},
		"a second series":                 {[]history.Operation{refused("a", 10, 20), acquired("a", 20, 25, 40), refused("a", 50, 52)}, 17},
		"somebody may have had it":        {[]history.Operation{{Client: "a", Op: protocol.Acquire, Lease: 1, Invoked: 10}, refused("b", 20, 30)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, Unavailable(&history.History{Operations: c.operations}))
		})
	}
}
