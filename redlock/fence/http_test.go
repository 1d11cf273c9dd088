package fence_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock/fence"
	"github.com/a5bbb083/redlock/redlock/fence/internal/fencetest"
)

func TestHTTPConformance(t *testing.T) {
	fencetest.Run(t, func(t *testing.T, opts ...fence.Option) fencetest.Resource {
		logs := &logs{}
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/fail" {
				http.Error(w, fencetest.ErrFailed.Error(), http.StatusTeapot)
				return
			}
			logs.append(nameOf(r), r.FormValue("entry"))
		})
		server := httptest.NewServer(fence.Middleware(fence.NewMemory(opts...), nameOf)(handler))
		client := server.Client()
		t.Cleanup(server.Close)
		t.Cleanup(client.CloseIdleConnections)

		post := func(path string) func(context.Context, string, int64, string) error {
			return func(ctx context.Context, name string, token int64, entry string) error {
				query := url.Values{"name": {name}, "entry": {entry}}
				return send(ctx, client, server.URL+path+"?"+query.Encode(), name, token)
			}
		}
		return fencetest.Resource{
			Append: post("/append"),
			Fail:   post("/fail"),
			Log:    func(_ testing.TB, name string) []string { return logs.of(name) },
			Close:  func() { client.Transport = closedTransport{} },
		}
	})
}

func nameOf(r *http.Request) string { return r.FormValue("name") }

// closedTransport stands for a network that's gone.
type closedTransport struct{}

func (closedTransport) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("network closed")
}

// send posts with a token and turns the answer back into the guard's error.
func send(ctx context.Context, client *http.Client, target, name string, token int64) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, nil)
	if err != nil {
		return err
	}
	fence.SetToken(r, token)
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusTeapot:
		return fencetest.ErrFailed
	}
	var problem struct {
		Title, Detail  string
		Token, Highest int64
	}
	if err := json.NewDecoder(resp.Body).Decode(&problem); err != nil {
		return err
	}
	for _, known := range []error{fence.ErrInvalidToken, fence.ErrInvalidName, fence.ErrUnknownName} {
		if problem.Title == known.Error() {
			return fmt.Errorf("%w (%s)", known, problem.Detail)
		}
	}
	if resp.StatusCode == http.StatusConflict {
		return &fence.StaleError{Name: name, Token: problem.Token, Highest: problem.Highest}
	}
	return fmt.Errorf("status %s: %s", resp.Status, problem.Title)
}

func TestToken(t *testing.T) {
	good := map[string]int64{"1": 1, "1700000000000000": 1_700_000_000_000_000, "9007199254740991": fence.MaxToken}
	for value, want := range good {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("fencing-token", value)
		token, err := fence.Token(r)
		require.NoError(t, err)
		require.Equal(t, want, token)
	}
	bad := [][]string{nil, {""}, {"0"}, {"-1"}, {"+7"}, {"007"}, {" 7"}, {"7 "}, {"7.0"}, {"0x7"}, {"7e0"}, {"7, 8"}, {"seven"},
		{"9007199254740992"}, {"99999999999999999999"}, {"7", "8"}, {"7", "7"}, {strings.Repeat("7", 5000)}}
	for _, values := range bad {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header[fence.Header] = values
		_, err := fence.Token(r)
		require.ErrorIs(t, err, fence.ErrInvalidToken, "%q", values)
		require.Less(t, len(err.Error()), 200)
	}
}

func TestMiddlewareStatus(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		why    string
		ctx    context.Context
		name   string
		token  string
		status int
		want   string // in the body
	}{
		{"equal token", t.Context(), "account", "34", http.StatusNoContent, ""},
		{"stale token", t.Context(), "account", "33", http.StatusConflict, `"name":"account","token":33,"highest":34`},
		{"no token", t.Context(), "account", "", http.StatusBadRequest, "Fencing-Token"},
		{"malformed token", t.Context(), "account", "x", http.StatusBadRequest, "digits only"},
		{"no name", t.Context(), "", "35", http.StatusBadRequest, "empty"},
		{"unknown name", t.Context(), "acount", "35", http.StatusNotFound, "acount"},
		{"client gone", cancelled, "account", "35", http.StatusServiceUnavailable, "in time"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			guard := fence.NewMemory(fence.WithNames("account"))
			require.NoError(t, guard.Do(t.Context(), "account", 34, nopWrite(nil)))
			reached := false
			handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				reached = true
				w.WriteHeader(http.StatusNoContent)
			})
			r := httptest.NewRequestWithContext(tt.ctx, http.MethodPost, "/?name="+tt.name, nil)
			if tt.token != "" {
				r.Header.Set(fence.Header, tt.token)
			}
			w := httptest.NewRecorder()
			fence.Middleware(guard, nameOf)(handler).ServeHTTP(w, r)
			assert.Equal(t, tt.status, w.Code)
			assert.Equal(t, tt.status == http.StatusNoContent, reached)
			assert.Contains(t, w.Body.String(), tt.want)
			if !reached {
				assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
				assert.True(t, json.Valid(w.Body.Bytes()))
			}
		})
	}
}

// failingGuard lets the write through, or not, and then fails.
type failingGuard struct {
	write bool
	err   error
}

func (g failingGuard) Do(ctx context.Context, _ string, _ int64, write func(context.Context) error) error {
	if g.write {
		_ = write(ctx)
	}
	return g.err
}

func TestMiddlewareWithAFailingGuard(t *testing.T) {
	serve := func(guard fence.Guard) (status int, body string, err error) {
		server := httptest.NewServer(fence.Middleware(guard, nameOf)(http.HandlerFunc(
			func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "done") })))
		defer server.Close()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"?name=account", nil)
		require.NoError(t, err)
		fence.SetToken(r, 1)
		resp, err := server.Client().Do(r)
		if err != nil {
			return 0, "", err
		}
		defer resp.Body.Close()
		var problem map[string]any
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&problem))
		return resp.StatusCode, fmt.Sprint(problem), nil
	}
	secret := errors.New("password=hunter2")
	status, body, err := serve(failingGuard{write: false, err: secret})
	require.NoError(t, err)
	require.Equal(t, http.StatusInternalServerError, status)
	require.NotContains(t, body, "hunter2", "errors from below stay on the server")

	_, _, err = serve(failingGuard{write: true, err: secret})
	require.Error(t, err, "the handler's answer must not reach the client")
}
