package load

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
)

// serverUse is what servers have done since they started, or between two looks.
type serverUse struct {
	calls map[string]int64 // executed commands by name, those that scripts execute included
	in    int64            // bytes read from clients
	out   int64            // bytes written to clients
	cpu   time.Duration    // user and system time

	// What looking itself does, which a look doesn't show yet but the next one does.
	looks, looked int64 // commands and bytes written
}

// lookAt sums up all servers.
func lookAt(ctx context.Context, nodes []cluster.Node) (serverUse, error) {
	sum := serverUse{calls: make(map[string]int64)}
	for _, n := range nodes {
		reply, err := n.Command(ctx, "INFO", "all")
		if err != nil {
			return serverUse{}, err
		}
		text, ok := reply.(string)
		if !ok {
			return serverUse{}, fmt.Errorf("load: INFO of node %s gave a %T, not text", n.Name(), reply)
		}
		if err := sum.read(text); err != nil {
			return serverUse{}, fmt.Errorf("load: INFO of node %s: %w", n.Name(), err)
		}
		sum.looks++
		sum.looked += int64(len(text))
	}
	return sum, nil
}

// read adds what one server's INFO says.
func (u *serverUse) read(info string) error {
	for line := range strings.Lines(info) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		var err error
		if command, found := strings.CutPrefix(key, "cmdstat_"); found {
			// calls=1,usec=2,usec_per_call=2.00,rejected_calls=0,failed_calls=0
			calls, _, _ := strings.Cut(strings.TrimPrefix(value, "calls="), ",")
			var n int64
			n, err = strconv.ParseInt(calls, 10, 64)
			u.calls[command] += n
		}
		var n float64
		switch key {
		case "total_net_input_bytes", "total_net_output_bytes", "used_cpu_user", "used_cpu_sys":
			n, err = strconv.ParseFloat(value, 64)
		}
		switch key {
		case "total_net_input_bytes":
			u.in += int64(n)
		case "total_net_output_bytes":
			u.out += int64(n)
		case "used_cpu_user", "used_cpu_sys":
			u.cpu += time.Duration(n * float64(time.Second))
		}
		if err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
	}
	return nil
}

// since is what was done between two looks, without the looking.
func (u serverUse) since(before serverUse) serverUse {
	d := serverUse{calls: make(map[string]int64), in: u.in - before.in, out: u.out - before.out - before.looked, cpu: u.cpu - before.cpu}
	for command, n := range u.calls {
		n -= before.calls[command]
		if command == "info" {
			n -= before.looks
		}
		if n > 0 {
			d.calls[command] = n
		}
	}
	return d
}
