package redlock

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// poolSize is enough for a voter's workers, which use one connection each.
const poolSize = 4

// connMaxIdleTime is how long a connection may have been idle and still be used. Middleboxes forget such
// connections without a word: https://learn.microsoft.com/azure/load-balancer/load-balancer-tcp-reset (4 minutes).
const connMaxIdleTime = time.Minute

// Dial returns a locker on the servers with the given URLs, such as redis://host:6379 or
// rediss://user:password@host:6380 for TLS (https://pkg.go.dev/github.com/redis/go-redis/v9#ParseURL).
// The clients that it makes are set up for locking and closed by [Locker.Close].
//
// It asks each server what an acquisition would: who it is, what time it is, and whether it may vote
// or has to wait. So what's wrong with an address, a password, a right or the kind of server shows here rather than
// at the first lock. It fails with [ErrNoQuorum] where no majority answers, and with [ErrUnfit] where a majority
// never can. A minority that doesn't answer or is unfit is logged by [log/slog] at the level Warn, since such a
// quorum survives fewer failures than its owner believes, or none; [RequireAll] makes it an error. [Lazy] asks nobody. An even number
// of URLs is logged, too.
// Two URLs that lead to one server are an [ErrInvalidOption].
//
// A connection that was idle for a minute isn't used again, since load balancers and firewalls forget such connections without a word;
// conn_max_idle_time in a URL sets another time. go-redis writes a line to standard error for each attempt to connect that
// fails, which adds up while a voter is down; redis.SetLogger and its package logging route or silence it. See docs/servers.md.
func Dial(ctx context.Context, urls []string, opts ...Option) (*Locker, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	if o.joinNodes != nil {
		return nil, fmt.Errorf("%w: JoiningNodes takes clients, and Dial takes URLs; use Joining, or New", ErrInvalidOption)
	}
	clientOptions, err := parseURLs(slices.Concat(urls, o.joinURLs), o.nodeTimeout)
	if err != nil {
		return nil, err
	}
	clients := make([]redis.UniversalClient, len(clientOptions))
	for i, co := range clientOptions {
		clients[i] = redis.NewClient(co)
	}
	r, err := o.enlist(clients[:len(urls)], clients[len(urls):])
	if err != nil {
		for _, c := range clients {
			_ = c.Close()
		}
		return nil, err
	}
	for _, c := range r.spare { // a server of both lists
		_ = c.Close()
	}
	l := newLocker(r, o, setup{workers: workersPerVoter, timely: true})
	l.owned = r.clients
	if !o.lazy {
		if err := l.survey(ctx); err != nil {
			_ = l.Close()
			return nil, err
		}
	}
	r.adviseNumbers(ctx)
	return l, nil
}

func parseURLs(urls []string, nodeTimeout time.Duration) ([]*redis.Options, error) {
	all := make([]*redis.Options, len(urls))
	for i, raw := range urls {
		co, err := redis.ParseURL(raw)
		if err != nil {
			return nil, fmt.Errorf("%w: URL %d%s", ErrInvalidOption, i+1, complaint(raw, err))
		}
		// The context of each exchange is the only time-out; what the URL says would compete
		// with it. A request that is sent twice by the client library would arrive late.
		co.ContextTimeoutEnabled = true
		co.MaxRetries = -1
		co.DialerRetries = 1
		co.DialTimeout = exchangeTimeout(nodeTimeout)
		co.ReadTimeout = exchangeTimeout(nodeTimeout)
		co.WriteTimeout = exchangeTimeout(nodeTimeout)
		co.PoolTimeout = exchangeTimeout(nodeTimeout)
		co.PoolSize = poolSize
		if co.ConnMaxIdleTime == 0 { // -1 if the URL says never
			co.ConnMaxIdleTime = connMaxIdleTime
		}
		// RESP3 adds pushed messages, for which the connection is looked at before each exchange.
		co.Protocol = 2
		// Less to say at a new connection, when a voter has just come back.
		co.DisableIdentity = true
		co.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
		all[i] = co
	}
	return all, nil
}

// complaint says what is wrong with a URL, and what helps, without showing any part that could be a password. Where a URL can't be
// taken apart with certainty, that's all of it.
func complaint(raw string, err error) string {
	if strings.Count(raw, "://") > 1 {
		return " is several URLs in one text: give each as an element of its own (they aren't shown, since they may hold passwords)"
	}
	const form = "; use redis://HOST:PORT or rediss://HOST:PORT, and %-encode what is special in a password"
	u, malformed := url.Parse(raw)
	if malformed != nil || u.Host == "" || (u.Scheme != "redis" && u.Scheme != "rediss") || strings.Contains(u.Path+u.RawQuery+u.Fragment, "@") {
		return " can't be read (it isn't shown, since it may hold a password)" + form
	}
	return fmt.Sprintf(", %s://%s: %s", u.Scheme, u.Host, strings.TrimPrefix(err.Error(), "redis: ")) + form
}
