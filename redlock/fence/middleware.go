package fence

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"time"
)

// ErrUnguarded means that the context given to [Write] isn't one of a request behind
// [Middleware] or [Hold]. The write was not done.
var ErrUnguarded = errors.New("fence: no guard in this context")

// MiddlewareOption configures [Middleware].
type MiddlewareOption func(*middleware)

// AnswerWithin answers a request with 503 Service Unavailable when it isn't done after d. The
// request's context ends then, too. A handler that goes on all the same keeps its turn until it
// returns, so no newer write of the name can come before its end. The answer is buffered, as by
// [http.TimeoutHandler]. It panics unless d is positive.
func AnswerWithin(d time.Duration) MiddlewareOption {
	if d <= 0 {
		panic(fmt.Sprintf("fence: AnswerWithin(%v): the time must be positive", d))
	}
	return func(m *middleware) { m.limit = d }
}

// EveryMethod makes the token mandatory for GET, HEAD, OPTIONS and TRACE as well. It's for
// services that write on those methods, which RFC 9110 says they shouldn't.
func EveryMethod() MiddlewareOption {
	return func(m *middleware) { m.everyMethod = true }
}

// Middleware runs a handler behind guard, under the name that the function finds in the
// request. A refused request never reaches the handler; it's answered by [WriteError].
//
// A request whose method is safe (GET, HEAD, OPTIONS, TRACE) and that has no token passes
// without the guard: reads aren't fenced. So a whole mux can be wrapped. With a token it's
// treated as any other. [EveryMethod] changes that.
//
// The handler must have done its writes when it returns: then the turn is over, and a newer
// token may write. Writes of goroutines that may outlive it belong into [Write]. A
// [http.TimeoutHandler] abandons the handler within it, which then writes out of turn. Use
// [AnswerWithin], or put the TimeoutHandler around the middleware. Middleware panics where it
// finds a TimeoutHandler within: at once if that's the handler itself, at the request if it's the
// handler that a [http.ServeMux] has for it. It can't see one that is wrapped by something else.
//
// With [Memory] the handler holds up all other requests of the same name for as long as it
// runs, reading its request's body and writing its answer included: bound both (ReadTimeout and
// WriteTimeout of http.Server, http.MaxBytesReader). The handler's status code means
// nothing to the guard: the token counts as seen. The request's context ends with the handler.
func Middleware(guard Guard, name func(*http.Request) string, opts ...MiddlewareOption) func(http.Handler) http.Handler {
	m := middleware{guard: guard, name: name}
	for _, opt := range opts {
		opt(&m)
	}
	return func(next http.Handler) http.Handler {
		refuseAbandoning(next)
		handler := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { m.serve(w, r, next) }))
		if m.limit > 0 {
			// Around the guard: what it abandons still holds its turn.
			handler = http.TimeoutHandler(handler, m.limit, "fence: the request wasn't done in time\n")
		}
		return handler
	}
}

type middleware struct {
	guard       Guard
	name        func(*http.Request) string
	limit       time.Duration
	everyMethod bool
}

func (m *middleware) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if !m.everyMethod && safe(r.Method) && len(r.Header.Values(Header)) == 0 {
		next.ServeHTTP(w, r)
		return
	}
	token, err := Token(r)
	if err != nil {
		WriteError(w, err)
		return
	}
	if mux, ok := next.(*http.ServeMux); ok {
		chosen, _ := mux.Handler(r)
		refuseAbandoning(chosen)
	}
	name, answered := m.name(r), false
	err = Hold(r.Context(), m.guard, name, token, func(ctx context.Context) {
		answered = true
		next.ServeHTTP(w, r.WithContext(ctx))
	})
	if err != nil && answered {
		// A guard that fails after the handler's answer. Cut the connection: the
		// client must not take that answer for a promise.
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		WriteError(w, err)
	}
}

// safe tells whether RFC 9110, section 9.2.1, calls the method safe: it doesn't write.
func safe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// abandoning is the type of handlers that return while the handler within them still runs.
var abandoning = reflect.TypeOf(http.TimeoutHandler(http.NotFoundHandler(), time.Second, ""))

func refuseAbandoning(h http.Handler) {
	if reflect.TypeOf(h) == abandoning {
		panic("fence: a http.TimeoutHandler inside Middleware lets stale writes through; " +
			"use the option AnswerWithin, or put the TimeoutHandler around Middleware")
	}
}

// Hold calls handler in the turn of name: it's what [Middleware] does for HTTP, for servers of other
// protocols. (fencegrpc does so for gRPC.) Within handler's context [Write] works. That context ends with
// handler, which must have done its writes by then, but for those in Write.
//
// The error is that of guard. Handler wasn't called if it's one of this package's.
func Hold(ctx context.Context, guard Guard, name string, token int64, handler func(context.Context)) error {
	return guard.Do(ctx, name, token, func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		h := &hold{guard: guard, name: name, token: token, turn: make(chan struct{}, 1)}
		defer h.end()
		handler(context.WithValue(ctx, holdKey{}, h))
		return nil
	})
}

// Write calls write under the guard and with the token of a request behind [Middleware] or [Hold], and
// returns its error. The context is the request's or derived from it. Writes of one request run
// one after the other, so write must not call Write.
//
// It's for goroutines that may outlive the handler. While the handler runs they write in its
// turn, which lasts until write has returned. Afterwards the guard is asked again, as for
// another request with the same token. Since the request's context has ended by then, that takes
// [context.WithoutCancel].
//
// Errors, with the write not done: [ErrUnguarded], those of the guard, and the context's.
func Write(ctx context.Context, write func(context.Context) error) error {
	h, ok := ctx.Value(holdKey{}).(*hold)
	if !ok {
		return fmt.Errorf("%w; use the context of a request behind Middleware", ErrUnguarded)
	}
	ended, err := h.enter(ctx)
	if err != nil {
		return fmt.Errorf("fence: %q was not written, its context ended: %w", h.name, err)
	}
	if ended {
		return h.guard.Do(ctx, h.name, h.token, write)
	}
	defer h.leave()
	return write(ctx)
}

type holdKey struct{}

// hold is the turn of one request: its handler's, and that of every Write while it lasts.
type hold struct {
	guard Guard
	name  string
	token int64
	turn  chan struct{} // capacity 1; a mutex that one can stop waiting for
	ended bool          // the handler has returned; guarded by turn
}

// enter waits for the turn within the request, and keeps it unless the request's has ended.
func (h *hold) enter(ctx context.Context) (ended bool, err error) {
	select {
	case h.turn <- struct{}{}:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	if err := ctx.Err(); err != nil || h.ended {
		defer h.leave()
		return h.ended, err
	}
	return false, nil
}

func (h *hold) leave() { <-h.turn }

// end waits for a Write that has begun, and lets no other one begin in this turn.
func (h *hold) end() {
	h.turn <- struct{}{}
	h.ended = true
	h.leave()
}
