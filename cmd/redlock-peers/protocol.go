package main

import "time"

// The messages of the worker protocol, as docs/worker-protocol.md describes them. They aren't
// imported from the harness: a worker needs nothing but that page.

type request struct {
	ID             int64   `json:"id"`
	Op             string  `json:"op"`
	Config         *config `json:"config"`
	Name           string  `json:"name"`
	TTL            int64   `json:"ttl_ms"`
	CancelAfter    int64   `json:"cancel_after_ms"`
	Wait           bool    `json:"wait"`
	Recheck        bool    `json:"recheck"`
	StopAfterCheck bool    `json:"stop_after_check"`
}

type config struct {
	Version     int      `json:"version"`
	Client      string   `json:"client"`
	Nodes       []string `json:"nodes"`
	Resource    string   `json:"resource"`
	NodeTimeout int64    `json:"node_timeout_ms"`
	TTL         int64    `json:"ttl_ms"`
}

func (c config) nodeTimeout() time.Duration { return time.Duration(c.NodeTimeout) * time.Millisecond }
func (c config) ttl() time.Duration         { return time.Duration(c.TTL) * time.Millisecond }

type reply struct {
	ID         int64         `json:"id"`
	OK         bool          `json:"ok"`
	Error      string        `json:"error,omitempty"`
	Version    int           `json:"version,omitempty"`
	Uses       []int         `json:"uses,omitempty"`
	Renews     bool          `json:"renews,omitempty"`
	Waits      bool          `json:"waits,omitempty"`
	Token      string        `json:"token,omitempty"`
	ValidUntil time.Duration `json:"valid_until_ns,omitempty"`
	LostAt     time.Duration `json:"lost_at_ns,omitempty"`
	Invoked    time.Duration `json:"invoked_ns,omitempty"`
	Returned   time.Duration `json:"returned_ns,omitempty"`
	Counters   *counters     `json:"counters,omitempty"`
}

type counters struct {
	Plain  int64 `json:"plain"`
	Fenced int64 `json:"fenced"`
}
