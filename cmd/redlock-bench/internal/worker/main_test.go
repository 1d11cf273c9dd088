package worker

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// TestMain lets the test binary be a worker, too: a good one, or one with the fault that its
// second argument names.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "worker" {
		if err := Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) > 2 && os.Args[1] == "bad-worker" {
		badWorker(os.Args[2])
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// badWorker greets as it should, unless that's its fault, and does the next request badly.
func badWorker(fault string) {
	requests := protocol.NewReader(os.Stdin)
	var r protocol.Request
	_ = requests.Next(&r)
	hello := protocol.Reply{ID: r.ID, OK: true, Version: protocol.Version, Fencing: true}
	switch fault {
	case "greets with another version":
		hello.Version = 99
	case "refuses the greeting":
		hello.OK, hello.Error = false, "no such subject here"
	case "never greets":
		time.Sleep(time.Minute)
	case "exits at once":
		fmt.Fprintln(os.Stderr, "panic: no memory")
		os.Exit(3)
	}
	_ = protocol.WriteLine(os.Stdout, hello)
	if fault == "speaks without being asked" {
		_ = protocol.WriteLine(os.Stdout, protocol.Reply{ID: 7})
	}
	_ = requests.Next(&r)
	reply := protocol.Reply{ID: r.ID, OK: true, Token: "t", Fence: 1, Invoked: r.Now, Returned: clockdrift.System().Now()}
	switch fault {
	case "crashes":
		fmt.Fprintln(os.Stderr, "panic: lost my mind")
		os.Exit(4)
	case "hangs":
		time.Sleep(time.Minute)
	case "talks garbage":
		fmt.Println("Acquired the lock!")
	case "talks without end":
		for {
			fmt.Print("aaaaaaaaaaaaaaaa")
		}
	case "replies to another request":
		reply.ID++
	case "lies about the time":
		reply.Returned += time.Hour
	case "skews its readings":
		reply.Invoked -= 19 * time.Millisecond
		reply.Returned -= 19 * time.Millisecond
	case "believes for years":
		reply.ValidUntil = reply.Returned + 20*365*24*time.Hour
	case "has no token":
		reply.Token = ""
	case "closes its output":
		_ = os.Stdout.Close()
		time.Sleep(time.Minute)
	case "leaves a child behind":
		_ = exec.Command("sleep", "60").Start()
		_ = protocol.WriteLine(os.Stdout, reply)
		time.Sleep(time.Minute)
	}
	_ = protocol.WriteLine(os.Stdout, reply)
	time.Sleep(time.Minute)
}
