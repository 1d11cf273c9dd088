package nemesis

import (
	"errors"
	"fmt"
	"sync"
)

// maxClients keeps a mistyped number from opening thousands of listeners.
const maxClients = 256

// Links is the network of an experiment: one [Link] for each client and node.
type Links struct {
	grid  [][]*Link // by client, then by node
	close func() error
}

// Target is the far end of a link: a node of a cluster, for one.
type Target interface {
	Index() int   // among the targets, from 0
	Name() string // for messages
	Addr() string // host and port; it may change
}

// Listen opens a link from each of so many clients to each target. The seed is that of every
// random delay. The caller closes the links, before or after the nodes.
func Listen[T Target](nodes []T, clients int, seed int64) (*Links, error) {
	if clients < 1 || clients > maxClients {
		return nil, fmt.Errorf("nemesis: %d clients: give from 1 to %d", clients, maxClients)
	}
	ls := &Links{}
	ls.close = sync.OnceValue(ls.closeAll)
	for client := range clients {
		var row []*Link
		for _, node := range nodes {
			link, err := newLink(client, node, seed)
			if err != nil {
				ls.grid = append(ls.grid, row)
				return nil, errors.Join(err, ls.Close())
			}
			row = append(row, link)
		}
		ls.grid = append(ls.grid, row)
	}
	return ls, nil
}

// Link is the one between a client and a node, both counted from 0. It panics if there is no
// such client or node.
func (ls *Links) Link(client, node int) *Link { return ls.grid[client][node] }

// Clients is the number of clients.
func (ls *Links) Clients() int { return len(ls.grid) }

// URLs are the addresses of all nodes as one client reaches them, in the nodes' order.
func (ls *Links) URLs(client int) []string {
	var urls []string
	for _, link := range ls.grid[client] {
		urls = append(urls, link.URL())
	}
	return urls
}

// Close ends all links with their connections and waits for them. It may be called more than
// once; each call returns what the first one did.
func (ls *Links) Close() error { return ls.close() }

func (ls *Links) closeAll() error {
	var errs []error
	for _, row := range ls.grid {
		for _, link := range row {
			errs = append(errs, link.close())
		}
	}
	return errors.Join(errs...)
}
