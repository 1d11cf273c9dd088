package chaos

import (
	"fmt"
	"io"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/worker"
)

// patience is how many bytes of requests the tired worker reads before it ends: some dozens.
const patience = 4_000

// TestMain lets the test binary be a worker, too: a good one, one that ends in the middle, or one that never
// gets a lock.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "starved-worker" {
		starve()
		os.Exit(0)
	}
	if len(os.Args) > 1 && (os.Args[1] == "worker" || os.Args[1] == "tired-worker") {
		in := io.Reader(os.Stdin)
		if os.Args[1] == "tired-worker" {
			in = io.LimitReader(in, patience)
		}
		if err := worker.Serve(in, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// starve is a worker whose requests no node answers in time.
func starve() {
	requests := protocol.NewReader(os.Stdin)
	for {
		var r protocol.Request
		if requests.Next(&r) != nil {
			return
		}
		reply := protocol.Reply{ID: r.ID, OK: r.Op == protocol.Hello, Version: protocol.Version, Invoked: r.Now, Returned: r.Now, Error: "no quorum"}
		if protocol.WriteLine(os.Stdout, reply) != nil {
			return
		}
	}
}
