// Package resource is what the locks of an experiment protect: a counter behind HTTP, to which
// clients write what they have read plus one.
//
// The counter is kept twice. The plain register takes every write. The fenced one takes a write
// only through a [fence.Memory] guard, with the fencing token that the client sends along. Every
// write goes to both, so one history shows what happens with fencing and without.
//
// The resource decides nothing about who is right. It records each write in the order in which
// it was applied; the checkers judge.
package resource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/redlock/fence"
)

// shutdownTimeout is how long Close waits for requests that are being served.
const shutdownTimeout = 2 * time.Second

// guarded is the name under which the fenced register's guard knows it.
const guarded = "counter"

// Resource is a running server. Its methods may be called concurrently.
type Resource struct {
	addr   string
	server *http.Server
	served chan error
	guard  *fence.Memory

	mu       sync.Mutex // held while a write is applied and recorded
	counters protocol.Counters
	writes   []history.Write
}

// Start serves a resource with counters of 0 on a free port of the loopback address.
func Start() (*Resource, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("resource: %w", err)
	}
	r := &Resource{addr: listener.Addr().String(), served: make(chan error, 1), guard: fence.NewMemory(fence.WithNames(guarded))}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+protocol.CountersPath, r.read)
	mux.HandleFunc("POST "+protocol.CountersPath, r.write)
	r.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { r.served <- r.server.Serve(listener) }()
	return r, nil
}

// Addr is the host and port on which the resource listens.
func (r *Resource) Addr() string { return r.addr }

// Writes returns all writes so far, in the order in which they were applied.
func (r *Resource) Writes() []history.Write {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.writes)
}

// Close ends the server and its connections.
func (r *Resource) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	err := r.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, r.server.Close())
	}
	if served := <-r.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

func (r *Resource) read(w http.ResponseWriter, _ *http.Request) {
	r.mu.Lock()
	counters := r.counters
	r.mu.Unlock()
	answer(w, counters)
}

func (r *Resource) write(w http.ResponseWriter, request *http.Request) {
	var update protocol.Update
	if err := json.NewDecoder(http.MaxBytesReader(w, request.Body, 4096)).Decode(&update); err != nil {
		http.Error(w, "resource: body: "+err.Error(), http.StatusBadRequest)
		return
	}
	var token int64
	if request.Header.Get(fence.Header) != "" {
		var err error
		if token, err = fence.Token(request); err != nil {
			fence.WriteError(w, err)
			return
		}
	}
	receipt, err := r.apply(request.Context(), update, token)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, receipt)
}

// apply writes to both registers in one step.
func (r *Resource) apply(ctx context.Context, u protocol.Update, token int64) (protocol.Receipt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	record := history.Write{Client: u.Client, Lease: u.Lease, Fence: token, At: clockdrift.System().Now()}

	plain := record
	plain.Register, plain.Read, plain.Accepted = history.Plain, u.Read.Plain, true
	r.counters.Plain = u.Read.Plain + 1
	r.writes = append(r.writes, plain)
	if token == 0 {
		return protocol.Receipt{Plain: true}, nil
	}

	fenced := record
	fenced.Register, fenced.Read = history.Fenced, u.Read.Fenced
	err := r.guard.Do(ctx, guarded, token, func(context.Context) error {
		r.counters.Fenced = u.Read.Fenced + 1
		return nil
	})
	if err != nil && !errors.Is(err, fence.ErrStale) {
		return protocol.Receipt{}, fmt.Errorf("resource: %w", err)
	}
	fenced.Accepted = err == nil
	r.writes = append(r.writes, fenced)
	return protocol.Receipt{Plain: true, Fenced: fenced.Accepted}, nil
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	// It fails only when the client is gone, which is what some experiments are about.
	_ = json.NewEncoder(w).Encode(body)
}
