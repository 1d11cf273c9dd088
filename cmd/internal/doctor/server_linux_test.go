package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// startWith starts one redis-server with arguments that the harness has no use for, and returns
// its address.
func startWith(t *testing.T, args func(port, dir string) []string) string {
	t.Helper()
	needRedis(t)
	for range 5 { // a port that was free may be taken meanwhile
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		addr := listener.Addr().String()
		require.NoError(t, listener.Close())
		_, port, _ := net.SplitHostPort(addr)
		dir := t.TempDir()
		cmd := exec.Command("redis-server", args(port, dir)...)
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		require.NoError(t, cmd.Start())
		exited := make(chan struct{})
		go func() {
			_ = cmd.Wait() // however it ended
			close(exited)
		}()
		t.Cleanup(func() {
			_ = cmd.Process.Kill() // it may have ended already
			<-exited
		})
		if listens(addr, exited) {
			return addr
		}
	}
	require.FailNow(t, "redis-server didn't start")
	return ""
}

// listens waits until somebody takes connections at the address.
func listens(addr string, exited <-chan struct{}) bool {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		select {
		case <-exited:
			return false
		case <-time.After(5 * time.Millisecond):
		}
		if conn, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
			_ = conn.Close()
			return true
		}
	}
	return false
}

// In cluster mode no lock at all can be had behind a plain client, also where one server has all slots.
func TestNodeOfACluster(t *testing.T) {
	addr := startWith(t, func(port, _ string) []string {
		return []string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--cluster-enabled", "yes", "--cluster-port", freePort(t)}
	})
	r := diagnose(t, quick("redis://"+addr))
	assert.Contains(t, assertFinding(t, r, "mode", Error, []int{1}, "in cluster mode").Change, "redis.ClusterClient")
	assertFinding(t, r, "lock", Error, []int{1}, "CLUSTERDOWN")

	client := redis.NewClient(&redis.Options{Addr: addr})
	defer func() { require.NoError(t, client.Close()) }()
	require.NoError(t, client.ClusterAddSlotsRange(t.Context(), 0, 16383).Err())
	require.Eventually(t, func() bool {
		return strings.Contains(client.ClusterInfo(t.Context()).Val(), "cluster_state:ok")
	}, 20*time.Second, 10*time.Millisecond)
	r = diagnose(t, quick("redis://"+addr))
	assert.False(t, r.Fit)
	f := assertFinding(t, r, "lock", Error, []int{1}, "it's part of a cluster, which can't keep the lock's keys together (CROSSSLOT")
	assert.Contains(t, f.Found, "use redis.NewClusterClient")
	assert.Empty(t, of(r, "commands"), "that says it all")
}

func freePort(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

func TestRenamedCommands(t *testing.T) {
	addr := startWith(t, func(port, _ string) []string {
		return []string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--rename-command", "PEXPIRE", "", "--rename-command", "CONFIG", "mine"}
	})
	r := diagnose(t, quick("redis://"+addr))
	f := assertFinding(t, r, "commands", Error, []int{1}, "PEXPIRE is refused")
	assert.Equal(t, "remove its rename-command from redis.conf", f.Change)
	assertFinding(t, r, "persistence", Note, []int{1}, "some locks or all")
}

func TestSentinelIsNoVoter(t *testing.T) {
	addr := startWith(t, func(port, dir string) []string {
		file := filepath.Join(dir, "sentinel.conf")
		require.NoError(t, os.WriteFile(file, []byte("port "+port+"\nbind 127.0.0.1\n"), 0o600))
		return []string{file, "--sentinel"}
	})
	r := diagnose(t, quick("redis://"+addr))
	assert.Contains(t, assertFinding(t, r, "reachable", Error, []int{1}, "unknown command").Change, "a Sentinel can't hold locks")
	assert.Zero(t, r.Reached())
}

func TestTLSAndPassword(t *testing.T) {
	var cert, key string
	addr := startWith(t, func(port, dir string) []string {
		cert, key = selfSigned(t, dir)
		return []string{"--port", "0", "--tls-port", port, "--bind", "127.0.0.1", "--save", "", "--requirepass", "secret",
			"--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert, "--tls-auth-clients", "no"}
	})
	r := diagnose(t, quick("rediss://:secret@"+addr+"?skip_verify=true"))
	assert.True(t, r.Fit, "%+v", r.Findings)
	assert.Equal(t, "rediss://"+addr, r.Nodes[0].URL)

	r = diagnose(t, quick("rediss://"+addr+"?skip_verify=true"))
	assert.Contains(t, assertFinding(t, r, "reachable", Error, []int{1}, "NOAUTH").Change, "give a password")

	r = diagnose(t, quick("rediss://:secret@"+addr))
	assert.Contains(t, assertFinding(t, r, "reachable", Error, []int{1}, "x509: ").Change, "certificate")

	r = diagnose(t, quick("redis://:secret@"+addr))
	assert.Contains(t, assertFinding(t, r, "reachable", Error, []int{1}, "EOF").Change, "rediss://")
}

// selfSigned writes a certificate for 127.0.0.1 that nobody trusts, and its key.
func selfSigned(t *testing.T, dir string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "doctor test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	return certFile, keyFile
}
