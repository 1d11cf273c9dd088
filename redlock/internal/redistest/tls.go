package redistest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Authority is a certificate authority that no machine trusts by itself.
type Authority struct {
	// File holds its certificate in PEM.
	File string

	tb   testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewAuthority makes an authority for the duration of the test.
func NewAuthority(tb testing.TB) *Authority {
	tb.Helper()
	a := &Authority{tb: tb}
	template := certificate("redistest authority")
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	a.cert, a.key = template, newKey(tb)
	a.File = a.issue(template, a.key)
	return a
}

// StartTLS starts a server that takes only TLS connections, with a certificate of the authority
// for 127.0.0.1. Its Client trusts the authority.
func StartTLS(tb testing.TB, a *Authority, args ...string) *Server {
	tb.Helper()
	template := certificate("redistest server")
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	key := newKey(tb)
	certFile := a.issue(template, key)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(tb, err)
	keyFile := writePEM(tb, "PRIVATE KEY", der)
	s := start(tb, serverSign, func(port string) []string {
		return append(serverArgs(tb, "--port", "0", "--tls-port", port, "--tls-auth-clients", "no",
			"--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-ca-cert-file", a.File), args...)
	})
	s.tls = &tls.Config{RootCAs: a.pool(), MinVersion: tls.VersionTLS12}
	return s
}

func certificate(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	return key
}

// issue signs a certificate and returns the file that it's in.
func (a *Authority) issue(template *x509.Certificate, key *ecdsa.PrivateKey) string {
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	require.NoError(a.tb, err)
	return writePEM(a.tb, "CERTIFICATE", der)
}

func (a *Authority) pool() *x509.CertPool {
	pem, err := os.ReadFile(a.File)
	require.NoError(a.tb, err)
	pool := x509.NewCertPool()
	require.True(a.tb, pool.AppendCertsFromPEM(pem))
	return pool
}

func writePEM(tb testing.TB, kind string, der []byte) string {
	file := filepath.Join(tb.TempDir(), "file.pem")
	require.NoError(tb, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return file
}
