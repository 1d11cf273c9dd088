package redlock_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
)

// What four servers say, word for word.
func TestServerErrorTables(t *testing.T) {
	for _, server := range []string{"redis-6.0", "redis-7.0", "redis-8.0", "valkey-8.1"} {
		rows := tableOf(t, filepath.Join(errorTables, server+".txt"))
		require.Greater(t, len(rows), 40)
		for situation, row := range rows {
			for _, err := range []error{replyError(row[1]), fmt.Errorf("failed to authenticate: %w", replyError(row[1]))} {
				d := redlock.Diagnose(err)
				assert.Equal(t, row[0], d.Outcome.String(), "%s: %s: %v", server, situation, err)
				assert.NotEmpty(t, d.Cause, "%s: %s: %v", server, situation, err)
			}
		}
	}
}

func TestConnectionErrors(t *testing.T) {
	tests := map[string]struct {
		err             error
		outcome         redlock.Outcome
		remedy, withTLS string // withTLS where it's another
	}{
		"refused":       {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, redlock.Failed, "start it", "start it"},
		"deadline":      {context.DeadlineExceeded, redlock.TimedOut, "raise WithNodeTimeout", "rediss:// to a server without TLS"},
		"end of file":   {io.EOF, redlock.Failed, "redis:// to a server with TLS", ""},
		"reset":         {syscall.ECONNRESET, redlock.Failed, "redis:// to a server with TLS", ""},
		"not TLS":       {tls.RecordHeaderError{}, redlock.Failed, "use redis://", "use redis://"},
		"authority":     {&tls.CertificateVerificationError{Err: errors.New("unknown")}, redlock.Failed, "RootCAs", "RootCAs"},
		"alert":         {&net.OpError{Op: "remote error", Err: tls.AlertError(116)}, redlock.Failed, "tls-auth-clients", "tls-auth-clients"},
		"no such host":  {&net.DNSError{IsNotFound: true}, redlock.Failed, "correct the address", "correct the address"},
		"pool":          {redis.ErrPoolTimeout, redlock.TimedOut, "PoolSize", "PoolSize"},
		"other server":  {errors.New(`redis: can't parse map reply: "HTTP/1.1 400 Bad Request"`), redlock.Failed, "correct the address", "correct the address"},
		"no reply":      {errors.New(`redis: invalid reply: "SSH"`), redlock.Failed, "correct the address", "correct the address"},
		"client closed": {redis.ErrClosed, redlock.Unfit, "close clients after", "close clients after"},
		"cancelled":     {context.Canceled, redlock.Failed, "", ""},
		"unknown":       {replyError("ERR something new"), redlock.Failed, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			plain, withTLS := redlock.Diagnose(tt.err), redlock.DiagnoseTLS(tt.err)
			assert.Equal(t, tt.outcome, plain.Outcome)
			assert.Equal(t, tt.outcome, withTLS.Outcome)
			assert.Contains(t, plain.Remedy, tt.remedy)
			assert.Contains(t, withTLS.Remedy, tt.withTLS)
			assert.Equal(t, tt.remedy == "", plain.Remedy == "")
			assert.Equal(t, tt.withTLS == "", withTLS.Remedy == "")
		})
	}
}

func TestExplainMatches(t *testing.T) {
	outcome, err := redlock.Explain(replyError("WRONGTYPE Operation"))
	assert.Equal(t, redlock.Unfit, outcome)
	assert.NotErrorIs(t, err, redlock.ErrUnfit, "that's said of a majority")
	assert.True(t, redis.HasErrorPrefix(err, "WRONGTYPE"))
	outcome, _ = redlock.Explain(replyError("LOADING it"))
	assert.Equal(t, redlock.Failed, outcome)
}

// Who has no INFO can do without, and who has no EVAL can't.
func TestRemedyForInfo(t *testing.T) {
	for command, without := range map[string]bool{"info": true, "eval": false, "pexpire": false} {
		d := redlock.Diagnose(replyError("ERR unknown command '" + command + "', with args beginning with: "))
		assert.Equal(t, without, strings.Contains(d.Remedy, "WithoutGuards"), d.Remedy)
	}
}
