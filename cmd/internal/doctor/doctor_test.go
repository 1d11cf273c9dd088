package doctor

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestConfigIsChecked(t *testing.T) {
	for words, change := range map[string]func(*Config){
		"no nodes":                   func(c *Config) { c.URLs = nil },
		"65 nodes; give at most 64":  func(c *Config) { c.URLs = make([]string, 65) },
		"TTL 1ms; give from 10ms":    func(c *Config) { c.TTL = ms },
		"to 12h0m0s":                 func(c *Config) { c.TTL = 13 * time.Hour },
		"duration 0s; give from":     func(c *Config) { c.Duration = 0 },
		"duration 2h0m0s; give from": func(c *Config) { c.Duration = 2 * time.Hour },
		"time-out -1s; give from":    func(c *Config) { c.Timeout = -time.Second },
		"time-out 1h0m0s; give from": func(c *Config) { c.Timeout = time.Hour },
		"600 bytes; give at most":    func(c *Config) { c.Prefix = strings.Repeat("x", 600) },
		"may begin with":             func(c *Config) { c.Prefix = "redlock:voter:" },
	} {
		config := quick("redis://a:1")
		change(&config)
		_, err := New(config)
		assert.ErrorContains(t, err, words)
	}
}

// A URL that can't be read may have its password anywhere.
func TestBadURLsAreNotRepeated(t *testing.T) {
	for _, url := range []string{
		"", "secret", "secret:6379", "locker:secret@host:6379", "http://:secret@host", "redis://locker:secret/x@host:6379",
		"redis://locker:secret@host:port", "redis://locker:sec%ret@host", "redis://locker:pass@host/secret", "redis://host?secret=1",
	} {
		_, err := New(quick("redis://good:6379", url))
		require.ErrorContains(t, err, "URL 2 can't be read", url)
		assert.NotContains(t, err.Error(), "sec")
	}
}

func TestNodeNames(t *testing.T) {
	for url, want := range map[string]string{
		"redis://host":                          "redis://host:6379",
		"redis://locker:secret@host:7000/3":     "redis://host:7000/3",
		"rediss://:secret@[::1]:6380":           "rediss://[::1]:6380",
		"unix://locker:secret@/run/redis.sock":  "unix:///run/redis.sock",
		"redis://h:1?read_timeout=7s&db=2":      "redis://h:1/2",
		"redis://locker:a%2Fb%40c%2Cd@host:700": "redis://host:700",
	} {
		n, err := parseNode(1, url, 3*time.Second)
		require.NoError(t, err)
		assert.Equal(t, want, n.name)
		assert.Equal(t, 3*time.Second, n.options.ReadTimeout, "the URL has no say in it")
	}
}

func TestAddresses(t *testing.T) {
	for url, want := range map[string]string{
		"redis://127.0.0.1:1": thisMachine, "redis://[::1]:1": thisMachine, "unix:///run/redis.sock": thisMachine,
		"redis://192.0.2.7:1": "192.0.2.7", "redis://[::ffff:192.0.2.7]:1": "192.0.2.7",
	} {
		n, err := parseNode(1, url, time.Second)
		require.NoError(t, err)
		assert.Equal(t, []string{want}, n.resolve(t.Context(), time.Second))
	}
}
