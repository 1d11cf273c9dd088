package redlock

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// failoverAddr is what go-redis puts in place of an address for a Sentinel-managed server.
const failoverAddr = "FailoverClient"

// nodeNames returns what to call each node in messages, after looking for mistakes.
func nodeNames(nodes []redis.UniversalClient) ([]string, error) {
	if len(nodes) == 0 {
		return nil, fmt.Errorf("%w: no nodes; give at least 1, better 3 or 5 independent ones", ErrInvalidOption)
	}
	names := make([]string, len(nodes))
	seen := make(map[string]int)
	for i, client := range nodes {
		if isNil(client) {
			return nil, fmt.Errorf("%w: the client of node %d is nil; give one, or leave the node out", ErrInvalidOption, i+1)
		}
		if isRing(client) {
			return nil, fmt.Errorf("%w: node %d is a redis.Ring, whose shards forget a lock when one of them is down; give each of its servers as a node of its own", ErrInvalidOption, i+1)
		}
		addrs := addresses(client)
		names[i] = strings.Join(addrs, "+")
		if !addressed(client) {
			names[i] = fmt.Sprintf("%T %d", client, i+1)
			addrs = nil
		}
		addrs = append(addrs, fmt.Sprintf("%p", client)) // a client without an address, given twice
		for _, addr := range addrs {
			if first, twice := seen[canonical(addr)]; twice && first != i {
				return nil, fmt.Errorf("%w: nodes %d and %d are the same server, %s, whose vote must not count twice; give each server once",
					ErrInvalidOption, first+1, i+1, names[i])
			}
			seen[canonical(addr)] = i
		}
	}
	return names, nil
}

// addressed reports whether a client has an address that tells its server from others.
func addressed(client redis.UniversalClient) bool {
	addr := strings.Join(addresses(client), "+")
	return addr != failoverAddr && addr != ""
}

// isCluster and isRing see through wrappers that embed the client, by methods that no other client has.
func isCluster(client redis.UniversalClient) bool {
	_, cluster := client.(interface {
		ForEachMaster(ctx context.Context, f func(context.Context, *redis.Client) error) error
	})
	return cluster
}

func isRing(client redis.UniversalClient) bool {
	_, ring := client.(interface{ SetAddrs(addrs map[string]string) })
	return ring
}

// checkGuardable sees to it that guards can be had where they are required.
func checkGuardable(nodes []redis.UniversalClient, names []string, o *options) error {
	for i, client := range nodes {
		if o.requireGuards && isCluster(client) {
			return fmt.Errorf("%w: RequireGuards, but node %d (%s) is a Redis Cluster, which can't be guarded; use single servers", ErrInvalidOption, i+1, names[i])
		}
	}
	return nil
}

// adviseNumber says by log/slog what the number of voters is worth, where people tend to expect more.
func adviseNumber(ctx context.Context, n int) {
	if n%2 == 0 {
		slog.WarnContext(ctx, "redlock: an even number of voters survives no more failures than one voter less; add one, or leave one out", "voters", n, "survives", (n-1)/2)
	}
}

func isNil(client redis.UniversalClient) bool {
	if client == nil {
		return true
	}
	v := reflect.ValueOf(client)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// connectionOf returns what the diagnosis of an error has to know of a client.
func connectionOf(client redis.UniversalClient) connection {
	switch c := client.(type) {
	case *redis.Client:
		return connection{user: c.Options().Username, tls: c.Options().TLSConfig != nil}
	case *redis.ClusterClient:
		return connection{user: c.Options().Username, tls: c.Options().TLSConfig != nil, cluster: true}
	}
	return connection{cluster: isCluster(client), wrapped: true}
}

func addresses(client redis.UniversalClient) []string {
	switch c := client.(type) {
	case *redis.Client:
		return []string{c.Options().Addr}
	case *redis.ClusterClient:
		return slices.Sorted(slices.Values(c.Options().Addrs))
	}
	return nil
}

// canonical makes the usual spellings of this machine's own address comparable.
func canonical(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	host = strings.ToLower(host)
	if ip := net.ParseIP(host); host == "localhost" || (ip != nil && ip.Equal(net.IPv6loopback)) {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
