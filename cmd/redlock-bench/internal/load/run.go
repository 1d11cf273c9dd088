package load

import (
	"context"
	"errors"
	"fmt"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
)

// Run starts the servers and the clients, and measures one subject after the other, round for round. It
// calls progress after each measurement.
//
// When ctx ends, or something fails, it returns the rounds that all subjects have completed together with
// the error. Where there is no redis-server, the error matches [cluster.ErrNoRedisServer].
func Run(ctx context.Context, config Config, progress func(subject string, round *Round)) (report *Report, err error) {
	report = newReport(config)
	defer report.summarise()
	servers, err := cluster.Start(ctx, cluster.Config{Backend: cluster.Redis, Nodes: config.Nodes, TrueClocks: true})
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, servers.Close()) }()
	var urls []string
	for _, n := range servers.Nodes() {
		urls = append(urls, "redis://"+n.Addr())
	}
	all, err := startClients(ctx, config, urls)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, closeClients(all)) }()
	for i := range config.Rounds {
		rounds := make([]*Round, len(all))
		for j := range all {
			// Each round begins with another subject, so that none always comes after the same.
			turn := (i + j) % len(all)
			if rounds[turn], err = measure(ctx, all[turn], &config, servers.Nodes()); err != nil {
				return report, err
			}
			progress(all[turn].subject.Name, rounds[turn])
		}
		report.add(rounds)
	}
	return report, nil
}

// measure runs one round of one subject, after a warm-up.
func measure(ctx context.Context, c *clients, config *Config, nodes []cluster.Node) (*Round, error) {
	if _, _, err := c.run(ctx, *config, config.warmUp()); err != nil {
		return nil, err
	}
	before, err := lookAt(ctx, nodes)
	if err != nil {
		return nil, fmt.Errorf("before a round of %s: %w", c.subject.Name, err)
	}
	results, end, err := c.run(ctx, *config, config.Duration)
	if err != nil {
		return nil, err
	}
	after, err := lookAt(ctx, nodes)
	if err != nil {
		return nil, fmt.Errorf("after a round of %s: %w", c.subject.Name, err)
	}
	return newRound(config, results, end, after.since(before)), nil
}
