package redlockprom_test

import (
	"context"
	"fmt"
	"log"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlockprom"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

func Example() {
	nodes, err := redlocktest.Start(3) // in place of three Redis servers
	if err != nil {
		log.Fatal(err)
	}
	defer nodes.Close()
	metrics := redlockprom.New(redlockprom.Options{})
	registry := prometheus.NewRegistry() // or prometheus.MustRegister(metrics)
	registry.MustRegister(metrics)
	locker, err := redlock.New(nodes.Clients(), redlock.WithHooks(metrics.Hooks()))
	if err != nil {
		log.Fatal(err)
	}
	defer locker.Close()
	err = locker.Do(context.Background(), "report", func(context.Context, *redlock.Lock) error { return nil })
	if err != nil {
		log.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range families {
		fmt.Println(f.GetName(), len(f.GetMetric()))
	}
	// Output:
	// redlock_attempts_total 1
	// redlock_hold_duration_seconds 1
	// redlock_operation_duration_seconds 2
	// redlock_voter_usable 3
}
