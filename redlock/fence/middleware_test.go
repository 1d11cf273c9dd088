package fence_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock/fence"
)

// request is a write of account with a token, or without one if that's 0.
func request(ctx context.Context, method string, token int64) *http.Request {
	r := httptest.NewRequestWithContext(ctx, method, "/?name=account", nil)
	if token != 0 {
		fence.SetToken(r, token)
	}
	return r
}

// slow writes the request's token a minute late if that's 5, in whatever turn.
func slow(logs *logs) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get(fence.Header) == "5" {
			time.Sleep(time.Minute)
		}
		logs.append("account", r.Header.Get(fence.Header))
	})
}

// race sends token 5, and token 9 when the answer to the first is overdue.
func race(t *testing.T, handler http.Handler) (first, second *httptest.ResponseRecorder) {
	first, second = httptest.NewRecorder(), httptest.NewRecorder()
	var wg sync.WaitGroup
	wg.Go(func() { handler.ServeHTTP(first, request(t.Context(), http.MethodPut, 5)) })
	time.Sleep(2 * time.Second)
	synctest.Wait()
	wg.Go(func() { handler.ServeHTTP(second, request(t.Context(), http.MethodPut, 9)) })
	wg.Wait()
	time.Sleep(time.Hour) // for what still runs
	return first, second
}

// The answer comes in time, and the late write before the newer one.
func TestAnswerWithinKeepsTheTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs := &logs{}
		guarded := fence.Middleware(fence.NewMemory(), nameOf, fence.AnswerWithin(time.Second))
		first, second := race(t, guarded(slow(logs)))
		require.Equal(t, http.StatusServiceUnavailable, first.Code)
		require.Contains(t, first.Body.String(), "in time")
		require.Equal(t, http.StatusServiceUnavailable, second.Code, "its turn doesn't come in time either")
		require.Equal(t, []string{"5"}, logs.of("account"), "in the order of tokens, or not at all")
	})
}

func TestTimeoutHandlerAroundTheMiddlewareIsSafe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs := &logs{}
		guarded := fence.Middleware(fence.NewMemory(), nameOf)
		race(t, http.TimeoutHandler(guarded(slow(logs)), 90*time.Second, ""))
		require.Equal(t, []string{"5", "9"}, logs.of("account"))
	})
}

// The middleware must not take the return of a TimeoutHandler for the end of the handler in it.
func TestTimeoutHandlerWithinTheMiddlewareIsRefused(t *testing.T) {
	logs := &logs{}
	limited := http.TimeoutHandler(slow(logs), time.Second, "")
	guarded := fence.Middleware(fence.NewMemory(), nameOf)
	require.PanicsWithValue(t, "fence: a http.TimeoutHandler inside Middleware lets stale writes through; "+
		"use the option AnswerWithin, or put the TimeoutHandler around Middleware", func() { guarded(limited) })

	mux := http.NewServeMux()
	mux.Handle("PUT /", limited)
	mux.Handle("GET /", http.NotFoundHandler())
	handler := guarded(mux)
	require.Panics(t, func() { handler.ServeHTTP(httptest.NewRecorder(), request(t.Context(), http.MethodPut, 5)) })
	require.NotPanics(t, func() { handler.ServeHTTP(httptest.NewRecorder(), request(t.Context(), http.MethodGet, 0)) })
	require.Empty(t, logs.of("account"))
}

// What the middleware can't see, Write makes safe: a goroutine that outlives its handler.
func TestWriteOfAGoroutineThatOutlivesTheHandler(t *testing.T) {
	late := func(logs *logs, result chan<- error, detach func(context.Context) context.Context) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			token := r.Header.Get(fence.Header)
			if token == "5" {
				time.Sleep(time.Minute)
			}
			err := fence.Write(detach(r.Context()), func(context.Context) error {
				logs.append("account", token)
				return nil
			})
			if token == "5" {
				result <- err
			}
		})
	}
	hidden := func(h http.Handler) http.Handler { // as any other middleware in between
		limited := http.TimeoutHandler(h, time.Second, "")
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { limited.ServeHTTP(w, r) })
	}
	for _, tt := range []struct {
		why    string
		detach func(context.Context) context.Context
		want   error
	}{
		{"with the request's context", func(ctx context.Context) context.Context { return ctx }, context.DeadlineExceeded},
		{"with a context of its own", context.WithoutCancel, fence.ErrStale},
	} {
		t.Run(tt.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logs, result := &logs{}, make(chan error, 1)
				guarded := fence.Middleware(fence.NewMemory(), nameOf)
				first, second := race(t, guarded(hidden(late(logs, result, tt.detach))))
				require.Equal(t, http.StatusServiceUnavailable, first.Code)
				require.Equal(t, http.StatusOK, second.Code)
				err := <-result
				require.ErrorIs(t, err, tt.want)
				require.Equal(t, []string{"9"}, logs.of("account"))
			})
		})
	}
}

// A write that has begun in the handler's turn is over before the next one's begins.
func TestWriteHoldsTheTurnBeyondTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs := &logs{}
		handler := fence.Middleware(fence.NewMemory(), nameOf)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			token := r.Header.Get(fence.Header)
			for i := range 2 {
				go func() {
					assert.NoError(t, fence.Write(context.WithoutCancel(r.Context()), func(context.Context) error {
						logs.append("account", token+" begins "+strconv.Itoa(i))
						time.Sleep(time.Minute)
						logs.append("account", token+" ends "+strconv.Itoa(i))
						return nil
					}))
				}()
				time.Sleep(time.Second) // for the first to begin; the second waits for it
			}
		}))
		var wg sync.WaitGroup
		wg.Go(func() { handler.ServeHTTP(httptest.NewRecorder(), request(t.Context(), http.MethodPut, 5)) })
		wg.Wait()
		require.Equal(t, "5 ends 0", logs.of("account")[1], "the handler's turn isn't over before")
		time.Sleep(time.Hour)
		require.Equal(t, []string{"5 begins 0", "5 ends 0", "5 begins 1", "5 ends 1"}, logs.of("account"))
	})
}

func TestWriteNeedsTheMiddlewaresContext(t *testing.T) {
	written := false
	err := fence.Write(t.Context(), func(context.Context) error { written = true; return nil })
	require.ErrorIs(t, err, fence.ErrUnguarded)
	require.False(t, written)
}

// A panic in Write is the handler's to handle, and must not keep the name locked.
func TestWriteOutlivesAPanic(t *testing.T) {
	handler := fence.Middleware(fence.NewMemory(), nameOf)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_ = fence.Write(r.Context(), func(context.Context) error { panic("boom") })
	}))
	for range 2 {
		require.PanicsWithValue(t, "boom", func() {
			handler.ServeHTTP(httptest.NewRecorder(), request(t.Context(), http.MethodPut, 5))
		})
	}
}

// A whole mux behind the middleware: what reads needs no token, what writes does.
func TestSafeMethodsPassWithoutAToken(t *testing.T) {
	tests := []struct {
		method string
		token  int64
		every  bool
		want   int
	}{
		{http.MethodGet, 0, false, http.StatusOK},
		{http.MethodHead, 0, false, http.StatusOK},
		{http.MethodOptions, 0, false, http.StatusOK},
		{http.MethodTrace, 0, false, http.StatusOK},
		{http.MethodPost, 0, false, http.StatusBadRequest},
		{http.MethodPut, 0, false, http.StatusBadRequest},
		{http.MethodPatch, 0, false, http.StatusBadRequest},
		{http.MethodDelete, 0, false, http.StatusBadRequest},
		{"get", 0, false, http.StatusBadRequest},
		{"PURGE", 0, false, http.StatusBadRequest},
		{http.MethodGet, 5, false, http.StatusConflict},
		{http.MethodGet, 9, false, http.StatusOK},
		{http.MethodGet, 0, true, http.StatusBadRequest},
		{http.MethodHead, 0, true, http.StatusBadRequest},
	}
	for _, tt := range tests {
		guard := fence.NewMemory()
		require.NoError(t, guard.Do(t.Context(), "account", 9, nopWrite(nil)))
		var opts []fence.MiddlewareOption
		if tt.every {
			opts = append(opts, fence.EveryMethod())
		}
		reached := false
		handler := fence.Middleware(guard, nameOf, opts...)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, request(t.Context(), tt.method, tt.token))
		assert.Equal(t, tt.want, w.Code, "%+v", tt)
		assert.Equal(t, tt.want == http.StatusOK, reached, "%+v", tt)
	}
}

// A malformed token isn't the same as none.
func TestSafeMethodWithABadTokenIsRefused(t *testing.T) {
	r := request(t.Context(), http.MethodGet, 0)
	r.Header.Set(fence.Header, "")
	w := httptest.NewRecorder()
	fence.Middleware(fence.NewMemory(), nameOf)(http.NotFoundHandler()).ServeHTTP(w, r)
	require.Equal(t, http.StatusBadRequest, w.Code)
}

func TestAnswerWithinNeedsAPositiveTime(t *testing.T) {
	require.Panics(t, func() { fence.AnswerWithin(0) })
}
