package doctor

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// node is a server as the command line gives it.
type node struct {
	number  int    // from 1, as people count
	name    string // its URL without user, password and options
	user    string // "default" unless the URL says otherwise
	host    string // empty for a Unix socket
	options *redis.Options
}

// poolSize is far above the one connection that is used: once as many dials have failed as the
// pool is large, go-redis repeats the last error for a second without asking the server.
const poolSize = 4096

// parseNode reads a URL as package redlock does. Its error doesn't repeat any part of the
// URL: where it can't be read, nobody knows which part is the password.
func parseNode(number int, url string, timeout time.Duration) (node, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return node{}, fmt.Errorf("doctor: URL %d can't be read (it isn't shown, since it may hold a password); "+
			"give redis://[USER:PASSWORD@]HOST:PORT, or rediss:// for TLS, and write special characters as %%2F, %%40, %%2C and so on", number)
	}
	o.ContextTimeoutEnabled = true
	// A retry would hide the very failures that are looked for.
	o.MaxRetries = -1
	o.DialerRetries = 1
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = timeout, timeout, timeout, timeout
	o.PoolSize, o.MinIdleConns = poolSize, 0
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}

	n := node{number: number, user: o.Username, options: o}
	if n.user == "" {
		n.user = "default"
	}
	if o.Network == "unix" {
		n.name = "unix://" + o.Addr
		return n, nil
	}
	scheme := "redis"
	if o.TLSConfig != nil {
		scheme = "rediss"
	}
	n.name = scheme + "://" + o.Addr
	if o.DB != 0 {
		n.name += fmt.Sprintf("/%d", o.DB)
	}
	n.host, _, err = net.SplitHostPort(o.Addr)
	if err != nil {
		return node{}, fmt.Errorf("doctor: URL %d has no host and port; give redis://HOST:PORT", number)
	}
	return n, nil
}

// thisMachine stands for all addresses that lead back to where they are used.
const thisMachine = "this machine"

// resolve returns the addresses of the node's host. A host that can't be resolved is known by
// its name alone.
func (n *node) resolve(ctx context.Context, timeout time.Duration) []string {
	if n.host == "" {
		return []string{thisMachine}
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", n.host)
	if err != nil {
		return []string{n.host}
	}
	var addresses []string
	for _, ip := range ips {
		if ip.Unmap().IsLoopback() {
			return []string{thisMachine}
		}
		addresses = append(addresses, ip.Unmap().String())
	}
	return addresses
}
