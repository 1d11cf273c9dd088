// Redlock-peers makes lock libraries of others available to redlock-bench: it's a worker that
// speaks the protocol of docs/worker-protocol.md, with one of these libraries inside.
//
//	redlock-bench run --backend redis --peers redlock-peers
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
	if len(os.Args) != 2 || peers[os.Args[1]].open == nil {
		fmt.Fprintf(os.Stderr, "usage: redlock-peers NAME\nNAME is one of %s. It's run by redlock-bench.\n",
			strings.Join(slices.Sorted(maps.Keys(peers)), ", "))
		os.Exit(2)
	}
	if err := serve(os.Stdin, os.Stdout, peers[os.Args[1]]); err != nil {
		fmt.Fprintln(os.Stderr, "redlock-peers:", err)
		os.Exit(1)
	}
}
