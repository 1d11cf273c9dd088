package fencegrpc_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/a5bbb083/redlock/redlock/fence"
	"github.com/a5bbb083/redlock/redlock/fence/fencegrpc"
)

// What a client in another language may send.
func TestTokensOnTheWire(t *testing.T) {
	service, conn := serve(t, guarded(fence.NewMemory())...)
	for _, values := range [][]string{nil, {""}, {"007"}, {"+7"}, {"-7"}, {" 7"}, {"7.0"}, {"0"}, {"9007199254740992"}, {"7", "7"}} {
		ctx := named(within(t), "account")
		for _, v := range values {
			ctx = metadata.AppendToOutgoingContext(ctx, fencegrpc.Key, v)
		}
		for _, send := range []func(context.Context, *grpc.ClientConn, string, string) error{call, stream} {
			err := send(ctx, conn, append1, "no")
			require.ErrorIs(t, err, fence.ErrInvalidToken, "%q", values)
			require.Equal(t, codes.InvalidArgument, status.Code(err), "%q", values)
		}
	}
	require.Empty(t, service.log("account"))

	// WithToken replaces what was there, by mistake or from a call that came in.
	ctx := metadata.AppendToOutgoingContext(named(within(t), "account"), fencegrpc.Key, "3")
	require.NoError(t, call(fencegrpc.WithToken(ctx, 7), conn, append1, "7"))
	require.ErrorIs(t, call(ctx, conn, append1, "no"), fence.ErrStale)
}

func TestRefusalIsAStatusWithDetails(t *testing.T) {
	_, conn := serve(t, guarded(fence.NewMemory())...)
	ctx := named(within(t), "a/b \xff")
	require.NoError(t, call(fencegrpc.WithToken(ctx, 9), conn, append1, "9"))
	err := call(fencegrpc.WithToken(ctx, 5), conn, append1, "no")
	require.Equal(t, codes.FailedPrecondition, status.Code(err))
	require.ErrorContains(t, err, `5 for "a/b \xff", where 9 has been seen`)
	info, ok := status.Convert(err).Details()[0].(*errdetails.ErrorInfo)
	require.True(t, ok)
	require.Equal(t, "STALE_TOKEN", info.Reason)
	require.Equal(t, map[string]string{"name": "a%2Fb%20%FF", "token": "5", "highest": "9"}, info.Metadata)
	var stale *fence.StaleError
	require.ErrorAs(t, err, &stale)
	require.Equal(t, fence.StaleError{Name: "a/b \xff", Token: 5, Highest: 9}, *stale)
}

func TestError(t *testing.T) {
	require.NoError(t, fencegrpc.Error(nil))
	for err, want := range map[error]codes.Code{
		context.Canceled:         codes.Canceled,
		context.DeadlineExceeded: codes.DeadlineExceeded,
		errors.New("secret"):     codes.Internal,
		fence.ErrStale:           codes.FailedPrecondition,
		fence.ErrUnknownName:     codes.NotFound,
		fence.ErrInvalidName:     codes.InvalidArgument,
	} {
		got := fencegrpc.Error(err)
		require.Equal(t, want, status.Code(got), "%v", err)
		require.NotContains(t, got.Error(), "secret")
	}
	_, err := fencegrpc.Token(t.Context())
	require.ErrorIs(t, err, fence.ErrInvalidToken)
}

// A status of the service's own isn't taken for a refusal.
func TestOtherErrorsPass(t *testing.T) {
	service, conn := serve(t, guarded(fence.NewMemory())...)
	service.write = func(context.Context, string, string) error {
		s, err := status.New(codes.FailedPrecondition, "no money").WithDetails(&errdetails.ErrorInfo{Domain: "bank", Reason: "STALE_TOKEN"})
		require.NoError(t, err)
		return s.Err()
	}
	for _, send := range []func(context.Context, *grpc.ClientConn, string, string) error{call, stream} {
		err := send(fencegrpc.WithToken(named(within(t), "account"), 5), conn, append1, "x")
		require.Equal(t, codes.FailedPrecondition, status.Code(err))
		require.NotErrorIs(t, err, fence.ErrStale)
	}
}

func TestUnfenced(t *testing.T) {
	service, conn := serve(t, guarded(fence.NewMemory(), fencegrpc.Unfenced(get), fencegrpc.Unfenced("/test.Other/"))...)
	ctx := named(within(t), "account")
	require.NoError(t, call(fencegrpc.WithToken(ctx, 9), conn, append1, "9"))
	require.NoError(t, call(ctx, conn, get, "read"))
	require.ErrorIs(t, call(ctx, conn, append1, "no"), fence.ErrInvalidToken)
	require.ErrorIs(t, call(fencegrpc.WithToken(ctx, 5), conn, get, "no"), fence.ErrStale, "with a token it's as any other")
	require.Equal(t, []string{"9", "read"}, service.log("account"))

	service, conn = serve(t, guarded(fence.NewMemory(), fencegrpc.Unfenced("/test.Log/"))...)
	require.NoError(t, call(ctx, conn, append1, "a"))
	require.NoError(t, stream(ctx, conn, "", "b"))
	require.Equal(t, []string{"a", "b"}, service.log("account"))
	for _, bad := range []string{"", "Get", "test.Log/Get", "/test.Log", "/a/b/c"} {
		require.Panics(t, func() { fencegrpc.Unfenced(bad) }, "%q", bad)
	}
}

// A client that has stopped in the middle of its stream doesn't hold up the others for ever.
func TestRequireDeadline(t *testing.T) {
	service, conn := serve(t, guarded(fence.NewMemory(), fencegrpc.RequireDeadline(time.Minute))...)
	ctx := fencegrpc.WithToken(named(t.Context(), "account"), 5)
	far, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	for _, ctx := range []context.Context{ctx, far} {
		for _, send := range []func(context.Context, *grpc.ClientConn, string, string) error{call, stream} {
			err := send(ctx, conn, append1, "no")
			require.Equal(t, codes.InvalidArgument, status.Code(err))
			require.ErrorContains(t, err, "1m0s; set one")
		}
	}

	began := time.Now()
	near, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	stuck, err := conn.NewStream(near, &grpc.StreamDesc{ClientStreams: true}, upload)
	require.NoError(t, err)
	require.NoError(t, stuck.SendMsg(wrapperspb.String("5")))
	require.Eventually(t, func() bool { return len(service.log("account")) == 1 }, 5*time.Second, time.Millisecond)
	require.NoError(t, call(fencegrpc.WithToken(named(within(t), "account"), 9), conn, append1, "9"))
	require.Greater(t, time.Since(began), 150*time.Millisecond, "the newer one comes after the stream's end")
	require.Panics(t, func() { fencegrpc.RequireDeadline(0) })
}

// abandon is an interceptor that answers the first call after d, as many do, while the handler goes on.
func abandon(d time.Duration) grpc.UnaryServerInterceptor {
	limits := make(chan time.Duration, 1)
	limits <- d
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		limit := time.Minute
		select {
		case limit = <-limits:
		default:
		}
		answered := make(chan struct{})
		var resp any
		var err error
		go func() {
			defer close(answered)
			resp, err = handler(ctx, req)
		}()
		select {
		case <-answered:
			return resp, err
		case <-time.After(limit):
			return nil, status.Error(codes.DeadlineExceeded, "too late")
		}
	}
}

// Token 5's handler is slow and abandoned. Token 9 comes when that was answered.
func TestAbandonedHandlers(t *testing.T) {
	guard := func() grpc.UnaryServerInterceptor {
		return fencegrpc.UnaryServerInterceptor(fence.NewMemory(), nameOfCall)
	}
	tests := map[string]struct {
		chain  []grpc.UnaryServerInterceptor
		fenced bool // the handler writes with fence.Write
		want   []string
	}{
		"outside the guard":             {[]grpc.UnaryServerInterceptor{abandon(50 * time.Millisecond), guard()}, false, []string{"5", "9"}},
		"within it, with fence.Write":   {[]grpc.UnaryServerInterceptor{guard(), abandon(50 * time.Millisecond)}, true, []string{"9"}},
		"within it, as the docs forbid": {[]grpc.UnaryServerInterceptor{guard(), abandon(50 * time.Millisecond)}, false, []string{"9", "5"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			service, conn := serve(t, grpc.ChainUnaryInterceptor(tt.chain...))
			waiting, resume, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
			service.write = func(ctx context.Context, name, entry string) error {
				if entry == "5" {
					defer close(done)
					close(waiting)
					<-resume
				}
				if !tt.fenced {
					return service.add(name, entry)
				}
				return fence.Write(context.WithoutCancel(ctx), func(context.Context) error { return service.add(name, entry) })
			}
			ctx := named(within(t), "account")
			require.Equal(t, codes.DeadlineExceeded, status.Code(call(fencegrpc.WithToken(ctx, 5), conn, append1, "5")))
			<-waiting
			newer := make(chan error, 1)
			go func() { newer <- call(fencegrpc.WithToken(ctx, 9), conn, append1, "9") }()
			select {
			case err := <-newer:
				require.NoError(t, err)
				close(resume)
			case <-time.After(200 * time.Millisecond):
				require.Equal(t, "5", tt.want[0], "it waits for the turn of an abandoned handler only outside")
				close(resume)
				require.NoError(t, <-newer)
			}
			<-done
			require.Eventually(t, func() bool { return len(service.log("account")) == len(tt.want) }, 5*time.Second, time.Millisecond)
			require.Equal(t, tt.want, service.log("account"))
		})
	}
}

// A handler that panics gives its turn back.
func TestPanic(t *testing.T) {
	recovery := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
		defer func() {
			if recover() != nil {
				err = status.Error(codes.Internal, "boom")
			}
		}()
		return handler(ctx, req)
	}
	service, conn := serve(t, grpc.ChainUnaryInterceptor(recovery, fencegrpc.UnaryServerInterceptor(fence.NewMemory(), nameOfCall)))
	write := service.write
	service.write = func(ctx context.Context, name, entry string) error {
		if entry == "boom" {
			panic(entry)
		}
		return write(ctx, name, entry)
	}
	ctx := fencegrpc.WithToken(named(within(t), "account"), 5)
	require.ErrorContains(t, call(ctx, conn, append1, "boom"), "boom")
	require.NoError(t, call(ctx, conn, append1, "5"))
}
