package redlock

import "context"

// endsWith is the key under which a context names a lock whose end is its own.
type endsWith struct{ lock *Lock }

// endingWith returns a context that names the locks.
func endingWith(ctx context.Context, locks ...*Lock) context.Context {
	for _, lk := range locks {
		ctx = context.WithValue(ctx, endsWith{lk}, true)
	}
	return ctx
}

// outliving returns the context by which a release of the locks is waited for. A context that ends with one of them would end the
// waiting as soon as it began. So of such a context only the deadline counts; the node time-out bounds the waiting anyway.
func outliving(ctx context.Context, locks ...*Lock) (context.Context, context.CancelFunc) {
	for _, lk := range locks {
		if ctx.Value(endsWith{lk}) == nil || ctx.Err() != nil {
			continue
		}
		lasting := context.WithoutCancel(ctx)
		if deadline, limited := ctx.Deadline(); limited {
			return context.WithDeadline(lasting, deadline)
		}
		return lasting, func() {}
	}
	return ctx, func() {}
}
