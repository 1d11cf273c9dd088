package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// resource is what the lock protects. None of the peers has fencing tokens to send along.
type resource struct {
	url, client string
	http        *http.Client
}

func newResource(c config) *resource {
	// A transport of its own, without the proxies that the environment may name.
	return &resource{c.Resource + "/counters", c.Client, &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}}
}

func (r *resource) read() (*counters, error) {
	var c counters
	response, err := r.http.Get(r.url)
	return &c, answer(response, err, &c)
}

func (r *resource) write(lease int64, read *counters) error {
	body, err := json.Marshal(map[string]any{"client": r.client, "lease": lease, "read": read})
	if err != nil {
		return err
	}
	response, err := r.http.Post(r.url, "application/json", bytes.NewReader(body))
	return answer(response, err, nil)
}

// answer reads a response to its end, so that the connection can be used again.
func answer(response *http.Response, err error, to any) error {
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("the resource answered %s", response.Status)
	case to == nil:
		return nil
	}
	return json.Unmarshal(body, to)
}
