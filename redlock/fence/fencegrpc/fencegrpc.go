// Package fencegrpc puts gRPC calls behind a guard of package fence. The fencing token travels in the
// metadata key [Key].
//
// A client's interceptor sends the token that [WithToken] put into the context, and turns a refusal back into
// the error of package fence: errors.Is(err, fence.ErrStale). A server's runs the handler in the turn of the
// call's name, as [fence.Middleware] does for HTTP:
//
//   - A refused call never reaches the handler.
//   - The handler must have done its writes when it returns: then the turn is over, and a newer token may
//     write. Writes of goroutines that may outlive it belong into [fence.Write], with the handler's context.
//   - Make the interceptor the last one of its chain. One that comes after it and abandons the handler, as
//     those do that answer after a time-out while the handler goes on, lets the handler write out of turn; before
//     it such an interceptor does no harm, since the turn lasts until the handler has returned.
//
// With [fence.Memory] a call holds up all others of its name for as long as it lasts, and a stream can last
// for ever: use [RequireDeadline].
package fencegrpc

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/a5bbb083/redlock/redlock/fence"
)

// Key is the metadata key that carries a call's fencing token, as a decimal number without sign or
// leading zeros.
const Key = "fencing-token"

// Token returns the fencing token of a call that a server has received. The error is [fence.ErrInvalidToken]
// if there's none, more than one, or one that is malformed or out of range. It's for handlers that check the
// token themselves, in the transaction of a [fence.SQL] or the script of a [fence.Redis]; they answer with
// [Error].
func Token(ctx context.Context) (int64, error) {
	values := metadata.ValueFromIncomingContext(ctx, Key)
	if len(values) != 1 {
		return 0, fmt.Errorf("%w: %d values of the metadata %s; send exactly one", fence.ErrInvalidToken, len(values), Key)
	}
	token, err := strconv.ParseInt(values[0], 10, 64)
	// Written back it must be the same, so that a token has only one spelling: no +7, no 007.
	if err != nil || token < 1 || token > fence.MaxToken || strconv.FormatInt(token, 10) != values[0] {
		return 0, fmt.Errorf("%w: metadata %s: %.32q; must be 1 to %d, digits only",
			fence.ErrInvalidToken, Key, values[0], fence.MaxToken)
	}
	return token, nil
}

// Option configures a server's interceptor.
type Option func(*server)

// Unfenced lets calls pass outside the guard if they have no token: those of methods that don't write. A
// method is given in full, "/bank.Account/Get", or with all of its service, "/grpc.health.v1.Health/". With a
// token they are treated as any other. Given more than once, the methods add up.
//
// It panics if one doesn't begin with a slash and have another.
func Unfenced(methods ...string) Option {
	for _, m := range methods {
		if !strings.HasPrefix(m, "/") || strings.Count(m, "/") != 2 {
			panic(fmt.Sprintf("fencegrpc: Unfenced(%q): give /package.Service/Method, or /package.Service/ for all of it", m))
		}
	}
	return func(s *server) { s.unfenced = append(s.unfenced, methods...) }
}

// RequireDeadline refuses calls whose deadline is missing, or further away than limit, with
// codes.InvalidArgument. So a call whose client has stopped in the middle of a stream ends, and gives way to
// a newer one. gRPC ends a call's context at its deadline, and whatever the handler then waits for on
// the stream. It panics unless limit is positive.
func RequireDeadline(limit time.Duration) Option {
	if limit <= 0 {
		panic(fmt.Sprintf("fencegrpc: RequireDeadline(%v): the limit must be positive", limit))
	}
	return func(s *server) { s.limit = limit }
}

// server is what both of a server's interceptors do.
type server struct {
	guard    fence.Guard
	unfenced []string
	limit    time.Duration
}

func newServer(guard fence.Guard, opts []Option) *server {
	s := &server{guard: guard}
	for _, opt := range opts {
		opt(s)
	}
	return s
}

// UnaryServerInterceptor runs the handlers of unary calls behind guard, under the name that the function
// finds: for instance in the request. Refusals are those of [Error].
func UnaryServerInterceptor(guard fence.Guard, name func(ctx context.Context, method string, req any) string, opts ...Option) grpc.UnaryServerInterceptor {
	s := newServer(guard, opts)
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
		failed := s.hold(ctx, info.FullMethod, func() string { return name(ctx, info.FullMethod, req) }, func(ctx context.Context) {
			resp, err = handler(ctx, req)
		})
		if failed != nil {
			return nil, failed
		}
		return resp, err
	}
}

// StreamServerInterceptor runs the handlers of streams behind guard, from their beginning to their end. No
// message has been received when the function is asked for the name, so that's in the metadata or the method.
// Refusals are those of [Error].
func StreamServerInterceptor(guard fence.Guard, name func(ctx context.Context, method string) string, opts ...Option) grpc.StreamServerInterceptor {
	s := newServer(guard, opts)
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
		ctx := stream.Context()
		failed := s.hold(ctx, info.FullMethod, func() string { return name(ctx, info.FullMethod) }, func(ctx context.Context) {
			err = handler(srv, &heldStream{stream, ctx})
		})
		if failed != nil {
			return failed
		}
		return err
	}
}

// hold calls handler in the turn of the call's name. The error is a status.
func (s *server) hold(ctx context.Context, method string, name func() string, handler func(context.Context)) error {
	if len(metadata.ValueFromIncomingContext(ctx, Key)) == 0 && s.passes(method) {
		handler(ctx)
		return nil
	}
	token, err := Token(ctx)
	if err != nil {
		return Error(err)
	}
	if deadline, ok := ctx.Deadline(); s.limit > 0 && (!ok || time.Until(deadline) > s.limit) {
		return status.Errorf(codes.InvalidArgument, "fence: the call's deadline is missing or further away than %v; "+
			"set one with context.WithTimeout", s.limit)
	}
	return Error(fence.Hold(ctx, s.guard, name(), token, handler))
}

func (s *server) passes(method string) bool {
	for _, m := range s.unfenced {
		if method == m || strings.HasSuffix(m, "/") && strings.HasPrefix(method, m) {
			return true
		}
	}
	return false
}

// heldStream is a stream whose context is that of its turn.
type heldStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *heldStream) Context() context.Context { return s.ctx }

// domain and the reasons are what a refusal's ErrorInfo has, for clients in any language.
const domain = "redlock.fence"

var refusals = []struct {
	err    error
	reason string
	code   codes.Code
}{
	{fence.ErrStale, "STALE_TOKEN", codes.FailedPrecondition},
	{fence.ErrInvalidToken, "INVALID_TOKEN", codes.InvalidArgument},
	{fence.ErrInvalidName, "INVALID_NAME", codes.InvalidArgument},
	{fence.ErrUnknownName, "UNKNOWN_NAME", codes.NotFound},
}

// Error turns the error of a guard of any kind into the status with which a call is refused:
//
//   - FailedPrecondition for [fence.ErrStale],
//   - InvalidArgument for [fence.ErrInvalidToken] and [fence.ErrInvalidName],
//   - NotFound for [fence.ErrUnknownName],
//   - Canceled or DeadlineExceeded if the context ended before it was the call's turn,
//   - Internal for everything else, without the details.
//
// The first four have a google.rpc.ErrorInfo of the domain "redlock.fence" with the reason STALE_TOKEN,
// INVALID_TOKEN, INVALID_NAME or UNKNOWN_NAME; that of a stale token has the metadata name (escaped as in a
// URL's path), token and highest. It's FailedPrecondition and not Aborted because retry policies repeat
// calls that were aborted, and a client that has lost its lock must not. Nil remains nil.
func Error(err error) error {
	if err == nil {
		return nil
	}
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			return refusal(r.code, r.reason, err)
		}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return status.FromContextError(err).Err()
	}
	return status.Error(codes.Internal, "fence: the write failed")
}

func refusal(code codes.Code, reason string, err error) error {
	info := &errdetails.ErrorInfo{Domain: domain, Reason: reason}
	var stale *fence.StaleError
	if errors.As(err, &stale) {
		info.Metadata = map[string]string{
			"name":    url.PathEscape(stale.Name), // a name may be no UTF-8, which protobuf demands
			"token":   strconv.FormatInt(stale.Token, 10),
			"highest": strconv.FormatInt(stale.Highest, 10),
		}
	}
	plain := status.New(code, strings.ToValidUTF8(err.Error(), "\uFFFD"))
	detailed, failed := plain.WithDetails(info)
	if failed != nil {
		return plain.Err() // can't be: the message is a known one
	}
	return detailed.Err()
}
