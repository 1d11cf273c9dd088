package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/redlock/fence"
)

// resourceClient is the worker's way to the resource that the lock protects.
type resourceClient struct {
	url, client string
	http        *http.Client
}

func newResourceClient(url, client string) *resourceClient {
	// A transport of its own, without the proxies that the environment may name.
	return &resourceClient{url + protocol.CountersPath, client, &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}}
}

func (c *resourceClient) close() { c.http.CloseIdleConnections() }

func (c *resourceClient) read(ctx context.Context) (protocol.Counters, error) {
	var counters protocol.Counters
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, nil)
	if err != nil {
		return counters, err
	}
	return counters, c.do(request, &counters)
}

// write stores what was read, plus one. That the resource refuses a stale token is for the
// resource's record; the worker did its part.
func (c *resourceClient) write(ctx context.Context, lease, token int64, read protocol.Counters) error {
	body, err := json.Marshal(protocol.Update{Client: c.client, Lease: lease, Read: read})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if token != 0 {
		fence.SetToken(request, token)
	}
	return c.do(request, &protocol.Receipt{})
}

func (c *resourceClient) do(request *http.Request, answer any) error {
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("resource: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("resource: %s %s: %s", request.Method, request.URL, response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
		return fmt.Errorf("resource: answer to %s: %w", request.Method, err)
	}
	return nil
}
