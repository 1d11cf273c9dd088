// Redlock-peers makes lock libraries of others available to redlock-bench: it's a worker that
// speaks the protocol of docs/worker-protocol.md, with one of these libraries inside.
//
//	redlock-bench run --backend redis --peers redlock-peers
//	redlock-bench load --peers redlock-peers
//
// For the latter it's a process of clients, see package loadgen.
//
// It's a module of its own, so that the main one doesn't depend on the libraries. Each is used as its
// own README does, with its defaults, apart from the time that one node is waited for, which the
// harness prescribes.
package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/go-redsync/redsync/v4"
)

// peers are the libraries, by the names that redlock-bench knows them by.
var peers = map[string]peer{
	"redsync":          redsyncPeer(),
	"redsync-setnx":    redsyncPeer(redsync.WithSetNXOnExtend()),
	"redsync-failfast": redsyncPeer(redsync.WithFailFast(true)),
	"rueidislock":      rueidislockPeer,
	"bsm":              bsmPeer,
}

func main() {
	serve, err := choose(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "redlock-peers:", err)
		fmt.Fprintf(os.Stderr, "usage: redlock-peers NAME\n       redlock-peers load NAME\nNAME is one of %s, or with load of %s. It's run by redlock-bench.\n",
			names(peers), names(loaders))
		os.Exit(2)
	}
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "redlock-peers:", err)
		os.Exit(1)
	}
}

// choose reads the command line and returns what it asks for.
func choose(args []string) (func() error, error) {
	switch {
	case len(args) == 1 && peers[args[0]].open != nil:
		return func() error { return serve(os.Stdin, os.Stdout, peers[args[0]]) }, nil
	case len(args) == 2 && args[0] == "load" && loaders[args[1]] != nil:
		return func() error { return serveLoad(loaders[args[1]]) }, nil
	}
	return nil, fmt.Errorf("there is nothing to do for %q", strings.Join(args, " "))
}

func names[V any](all map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(all)), ", ")
}
