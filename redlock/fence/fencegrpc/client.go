package fencegrpc

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/a5bbb083/redlock/redlock/fence"
)

type tokenKey struct{}

// WithToken returns a context whose calls carry token, that of Lock.Fence, if the connection has the
// interceptors of this package. It's best derived from the lock's context, which ends with the lock.
func WithToken(ctx context.Context, token int64) context.Context {
	return context.WithValue(ctx, tokenKey{}, token)
}

// outgoing puts the context's token into the metadata, in place of one that's there.
func outgoing(ctx context.Context) (context.Context, error) {
	token, ok := ctx.Value(tokenKey{}).(int64)
	if !ok {
		return ctx, nil // the server decides
	}
	if token < 1 || token > fence.MaxToken {
		return ctx, Error(fmt.Errorf("%w: %d given to WithToken, must be 1 to %d; use Lock.Fence, with fencing enabled",
			fence.ErrInvalidToken, token, fence.MaxToken))
	}
	md, ok := metadata.FromOutgoingContext(ctx) // a copy
	if !ok {
		md = metadata.MD{}
	}
	md.Set(Key, strconv.FormatInt(token, 10))
	return metadata.NewOutgoingContext(ctx, md), nil
}

// UnaryClientInterceptor sends the token of [WithToken], and turns refusals into errors that match those of
// package fence; a stale one is a [*fence.StaleError]. They remain statuses of gRPC, too.
func UnaryClientInterceptor() grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		ctx, err := outgoing(ctx)
		if err == nil {
			err = invoke(ctx, method, req, reply, cc, opts...)
		}
		return received(err)
	}
}

// StreamClientInterceptor does for streams what [UnaryClientInterceptor] does for unary calls.
func StreamClientInterceptor() grpc.StreamClientInterceptor {
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		ctx, err := outgoing(ctx)
		if err != nil {
			return nil, received(err)
		}
		stream, err := open(ctx, desc, cc, method, opts...)
		if err != nil {
			return nil, received(err)
		}
		return clientStream{stream}, nil
	}
}

type clientStream struct{ grpc.ClientStream }

// RecvMsg is where a stream's status arrives; SendMsg says no more than io.EOF.
func (s clientStream) RecvMsg(m any) error { return received(s.ClientStream.RecvMsg(m)) }

// refused is a call's status, and what it means.
type refused struct {
	*status.Status
	cause error
}

func (r *refused) Error() string              { return r.Status.Err().Error() }
func (r *refused) GRPCStatus() *status.Status { return r.Status }
func (r *refused) Unwrap() error              { return r.cause }

// received turns a status of [Error] back into the error that it was made from.
func received(err error) error {
	s, ok := status.FromError(err)
	if !ok || err == nil {
		return err
	}
	for _, detail := range s.Details() {
		info, ok := detail.(*errdetails.ErrorInfo)
		if !ok || info.Domain != domain {
			continue
		}
		for _, r := range refusals {
			if r.reason == info.Reason {
				return &refused{s, causeOf(r.err, info.Metadata)}
			}
		}
	}
	return err
}

// causeOf returns a *fence.StaleError if the metadata has one, and else the sentinel.
func causeOf(sentinel error, metadata map[string]string) error {
	name, err := url.PathUnescape(metadata["name"])
	token, errToken := strconv.ParseInt(metadata["token"], 10, 64)
	highest, errHighest := strconv.ParseInt(metadata["highest"], 10, 64)
	if sentinel != fence.ErrStale || err != nil || errToken != nil || errHighest != nil {
		return sentinel
	}
	return &fence.StaleError{Name: name, Token: token, Highest: highest}
}
