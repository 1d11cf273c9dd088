package experiment

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Run performs all experiments, so many at a time, and calls done after each, in the order in
// which they end and never twice at once. It returns the outcomes in the order of specs, without
// those that were not performed because ctx ended or because one of them returned an error,
// which ends the others too.
func Run(ctx context.Context, specs []Spec, parallel int, done func(*Outcome)) ([]*Outcome, error) {
	var (
		mu       sync.Mutex
		outcomes = make([]*Outcome, len(specs))
	)
	running, ctx := errgroup.WithContext(ctx)
	running.SetLimit(parallel)
	for i, spec := range specs {
		running.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			o, err := spec.Run(ctx)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			outcomes[i] = o
			done(o)
			return nil
		})
	}
	err := running.Wait()
	return slices.DeleteFunc(outcomes, func(o *Outcome) bool { return o == nil }), err
}
