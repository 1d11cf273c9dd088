package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHTML(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.html")
	got := bench(t.Context(), "run", "control", "--subject", "single,naive", "--nodes", "1", "--seed", "9", "--html", file)
	require.Zero(t, got.status, got.errOut)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	page := string(data)
	for _, want := range []string{
		"No violation of mutual exclusion was found in 2 experiments.",
		"redlock-bench run control --backend embedded --nodes 1 --seed 9 --subject single,naive<",
		"redlock-bench run control --backend embedded --nodes 1 --seed 9 --subject naive<",
		"(go1.", "miniredis ", `"name":"node A"`, `"k":"key"`,
	} {
		assert.True(t, strings.Contains(page, want), want)
	}
	assert.Less(t, len(page), 200<<10)
}

func TestCommandRepeatsARun(t *testing.T) {
	f := runFlags{
		backend: "redis", nodes: 3, seed: -4, parallel: 2, timeout: 90 * time.Second, peers: "./redlock peers",
		workers: []string{"mine=./it's --fast", "other=x"}, subjects: []string{"mine", "other", "classic"},
	}
	const common = "redlock-bench run expiry --backend redis --nodes 3 --seed -4 --parallel 2 --timeout 1m30s --peers './redlock peers' "
	assert.Equal(t, common+`--worker 'mine=./it'\''s --fast' --worker other=x --subject mine,other,classic`, f.command([]string{"expiry"}, f.subjects))
	assert.Equal(t, common+`--worker other=x --subject other`, f.command([]string{"expiry"}, []string{"other"}))
	f = runFlags{backend: "embedded", nodes: 5, seed: 1, parallel: defaultParallel, timeout: defaultTimeout}
	assert.Equal(t, "redlock-bench run --backend embedded --nodes 5 --seed 1", f.command(nil, nil))
}

// TestQuoted asks a shell.
func TestQuoted(t *testing.T) {
	for _, word := range []string{"", "plain", "a b", "it's", `"$HOME"`, "`id`", "*", "a\nb", `back\slash`, "ünï"} {
		out, err := exec.Command("sh", "-c", "printf %s "+quoted(word)).Output()
		require.NoError(t, err)
		assert.Equal(t, word, string(out))
	}
}

func TestServerVersion(t *testing.T) {
	assert.Contains(t, serverVersion("embedded"), "miniredis ")
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	assert.Equal(t, "redis-server, version unknown", serverVersion("redis"))
	script := "#!/bin/sh\necho Redis server v=7.9.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=1\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "redis-server"), []byte(script), 0o755))
	assert.Equal(t, "redis-server 7.9.1", serverVersion("redis"))
}
