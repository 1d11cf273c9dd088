package redlock

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// diagnoseConnection classifies the errors that aren't a server's reply. All of them may pass,
// certificates and names included, which others renew while the program runs.
func diagnoseConnection(err error, c connection) diagnosis {
	var (
		noTLS       tls.RecordHeaderError
		distrusted  *tls.CertificateVerificationError
		alert       tls.AlertError
		unknownHost *net.DNSError
		slow        net.Error
	)
	switch {
	case errors.Is(err, redis.ErrClosed):
		return diagnosis{Unfit, "its client was closed", "close clients after the locker that uses them"}
	case errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, redis.ErrPoolExhausted):
		return diagnosis{TimedOut, "all connections of its client are in use", "raise PoolSize in the client's options, or give the locker a client of its own"}
	case errors.As(err, &noTLS):
		return diagnosis{Failed, "it doesn't speak TLS", "use redis:// instead of rediss://, or the server's tls-port"}
	case errors.As(err, &distrusted):
		return diagnosis{Failed, "its certificate isn't trusted", "give the client the authority's certificate (TLSConfig.RootCAs), and the name that the certificate is for (TLSConfig.ServerName)"}
	case errors.As(err, &alert):
		return diagnosis{Failed, "it refuses the client's TLS", "give the client a certificate if the server wants one (tls-auth-clients), and a version of TLS that it takes"}
	case errors.As(err, &unknownHost):
		return diagnosis{Failed, "its name leads to no address", "correct the address, or see to the name server"}
	case errors.Is(err, syscall.ECONNREFUSED):
		return diagnosis{Failed, "nothing listens at its address", "start it, or correct the address"}
	case errors.Is(err, context.Canceled):
		return diagnosis{outcome: Failed} // the caller's own doing
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		return timedOut(c)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED), errors.Is(err, net.ErrClosed):
		return brokenOff(c)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return diagnosis{Failed, "no route leads to its address", "correct the address, or see to the network"}
	case unintelligible(err):
		return diagnosis{Failed, "it doesn't speak Redis's protocol", "correct the address: another kind of server, or a proxy, answers there"}
	}
	return diagnosis{outcome: Failed}
}

// unintelligible tells whether go-redis couldn't read the reply. It has no other mark for that.
func unintelligible(err error) bool {
	return err != nil && (strings.HasPrefix(err.Error(), "redis: can't parse ") || strings.HasPrefix(err.Error(), "redis: invalid reply"))
}

const perhapsNoTLS = "if it never does, see whether it speaks TLS at that port: rediss:// to a server without TLS ends like this; if it's slow or far away, raise WithNodeTimeout"

// timedOut and brokenOff are also all that a mix-up about TLS looks like from here: a plain server
// takes a client's greeting for the beginning of a command and waits for the rest, and a TLS server
// closes the connection on hearing anything but a greeting.
func timedOut(c connection) diagnosis {
	if c.tls {
		return diagnosis{TimedOut, "it didn't answer in time", perhapsNoTLS}
	}
	return diagnosis{TimedOut, "it didn't answer in time", "if it's slow or far away rather than down, raise WithNodeTimeout"}
}

func brokenOff(c connection) diagnosis {
	if !c.tls {
		return diagnosis{Failed, "it closed the connection", "if it always does, see whether it wants TLS: redis:// to a server with TLS ends like this, and rediss:// is right there"}
	}
	return diagnosis{outcome: Failed, cause: "it closed the connection"}
}
