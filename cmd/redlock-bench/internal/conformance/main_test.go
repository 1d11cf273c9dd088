package conformance

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/worker"
)

// TestMain lets the test binary be a worker, too: the built-in one, with the fault that the second
// argument names.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "worker" {
		if err := faultyWorker(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// faultyWorker is the built-in worker, whose requests and replies are changed on their way.
func faultyWorker(fault string) error {
	requests, replies := func(line string) string { return line }, func(line string) string { return line }
	switch fault {
	case "none":
	case "starts slowly":
		time.Sleep(ttl + ttl/2)
	case "greets any version":
		requests = func(line string) string { return strings.Replace(line, `"version":99`, `"version":1`, 1) }
	case "overlooks garbage":
		requests = func(line string) string {
			if !strings.HasSuffix(line, "}") {
				return ""
			}
			return line
		}
	case "exits with an error":
		defer os.Exit(1)
	case "outlives its input":
		defer time.Sleep(time.Minute)
	case "grants anything":
		requests = func(line string) string {
			if strings.Contains(line, `"steal"`) {
				fmt.Println(`{"id":2,"ok":true,"invoked_ns":1,"returned_ns":1}`)
				return ""
			}
			return line
		}
	case "makes up its token":
		replies = func(line string) string { return strings.Replace(line, `"token":"`, `"token":"x`, 1) }
	case "doesn't say why":
		replies = func(line string) string {
			before, after, refused := strings.Cut(line, `"error":`)
			if !refused {
				return line
			}
			return before + after[strings.Index(after, `,"`)+1:]
		}
	case "doesn't wait":
		requests = func(line string) string { return strings.Replace(line, `,"wait":true`, "", 1) }
	case "counts one list":
		requests = func(line string) string {
			before, after, joins := strings.Cut(line, `"joining":[`)
			if !joins {
				return line
			}
			return before + after[strings.Index(after, `],`)+2:]
		}
	case "doesn't look again":
		requests = func(line string) string { return strings.Replace(line, `"recheck":true`, `"recheck":false`, 1) }
	case "doesn't stop":
		requests = func(line string) string { return strings.Replace(line, `,"stop_after_check":true`, "", 1) }
	case "writes in another's name":
		requests = func(line string) string { return strings.Replace(line, `"client":"client`, `"client":"clown`, 1) }
	default:
		return fmt.Errorf("no fault is called %q", fault)
	}
	filtered, out := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		copyLines(os.Stdout, filtered, replies)
	}()
	in, toServe := io.Pipe()
	go func() {
		copyLines(toServe, os.Stdin, requests)
		_ = toServe.Close()
	}()
	err := worker.Serve(in, out)
	_ = out.Close()
	<-done
	return err
}

// copyLines copies line by line, without those that change makes empty.
func copyLines(to io.Writer, from io.Reader, change func(string) string) {
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		if line := change(lines.Text()); line != "" {
			_, _ = fmt.Fprintln(to, line)
		}
	}
}
