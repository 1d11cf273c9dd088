package chaos

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
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
	if len(os.Args) > 2 && os.Args[1] == "worker-of-one-list" {
		workOnce(os.Args[2])
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

// workOnce is a good worker for the first list of nodes that its client is given. It ends when it's given another.
func workOnce(dir string) {
	var line bytes.Buffer
	var r protocol.Request
	if protocol.NewReader(io.TeeReader(os.Stdin, &line)).Next(&r) != nil || r.Config == nil {
		os.Exit(1)
	}
	known, list := filepath.Join(dir, r.Config.Client), strings.Join(r.Config.Names, ",")
	if before, err := os.ReadFile(known); err == nil && string(before) != list {
		fmt.Fprintln(os.Stderr, "this list is new")
		os.Exit(1)
	}
	if os.WriteFile(known, []byte(list), 0o600) != nil || worker.Serve(io.MultiReader(&line, os.Stdin), os.Stdout) != nil {
		os.Exit(1)
	}
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
