package fencegrpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/a5bbb083/redlock/redlock/fence"
	"github.com/a5bbb083/redlock/redlock/fence/fencegrpc"
	"github.com/a5bbb083/redlock/redlock/fence/internal/fencetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	nameKey = "name-bin" // any bytes
	append1 = "/test.Log/Append"
	get     = "/test.Log/Get"
	upload  = "/test.Log/Upload"
)

// service keeps a log of entries per name.
type service struct {
	mu      sync.Mutex
	entries map[string][]string

	// write is called by the handlers, in place of adding the entry at once.
	write func(ctx context.Context, name, entry string) error
}

func (s *service) add(name, entry string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries[name] = append(s.entries[name], entry)
	return nil
}

func (s *service) log(name string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.entries[name])
}

func nameOf(ctx context.Context, _ string) string {
	values := metadata.ValueFromIncomingContext(ctx, nameKey)
	if len(values) != 1 {
		return ""
	}
	return values[0]
}

func nameOfCall(ctx context.Context, method string, _ any) string { return nameOf(ctx, method) }

func (s *service) append(ctx context.Context, entry string) (*emptypb.Empty, error) {
	if entry == "fail" {
		return nil, status.Error(codes.DataLoss, fencetest.ErrFailed.Error())
	}
	return &emptypb.Empty{}, s.write(ctx, nameOf(ctx, ""), entry)
}

// description is what protoc would generate.
var description = grpc.ServiceDesc{
	ServiceName: "test.Log",
	HandlerType: (*any)(nil),
	Methods:     []grpc.MethodDesc{{MethodName: "Append", Handler: unary(append1)}, {MethodName: "Get", Handler: unary(get)}},
	Streams: []grpc.StreamDesc{{StreamName: "Upload", ClientStreams: true, Handler: func(srv any, stream grpc.ServerStream) error {
		entry := &wrapperspb.StringValue{}
		for {
			if err := stream.RecvMsg(entry); errors.Is(err, io.EOF) {
				return stream.SendMsg(&emptypb.Empty{})
			} else if err != nil {
				return err
			}
			if _, err := srv.(*service).append(stream.Context(), entry.Value); err != nil {
				return err
			}
		}
	}}},
}

func unary(method string) grpc.MethodHandler {
	return func(srv any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		entry := &wrapperspb.StringValue{}
		if err := decode(entry); err != nil {
			return nil, err
		}
		info := &grpc.UnaryServerInfo{Server: srv, FullMethod: method}
		return interceptor(ctx, entry, info, func(ctx context.Context, req any) (any, error) {
			return srv.(*service).append(ctx, req.(*wrapperspb.StringValue).Value)
		})
	}
}

// serve starts a server in memory and returns a connection to it.
func serve(t *testing.T, opts ...grpc.ServerOption) (*service, *grpc.ClientConn) {
	s := &service{entries: map[string][]string{}}
	s.write = func(_ context.Context, name, entry string) error { return s.add(name, entry) }
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer(opts...)
	server.RegisterService(&description, s)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithUnaryInterceptor(fencegrpc.UnaryClientInterceptor()),
		grpc.WithStreamInterceptor(fencegrpc.StreamClientInterceptor()))
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = conn.Close() // closed already by some tests
		server.Stop()
		require.NoError(t, <-served)
	})
	return s, conn
}

func guarded(guard fence.Guard, opts ...fencegrpc.Option) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(fencegrpc.UnaryServerInterceptor(guard, nameOfCall, opts...)),
		grpc.ChainStreamInterceptor(fencegrpc.StreamServerInterceptor(guard, nameOf, opts...)),
	}
}

func named(ctx context.Context, name string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, nameKey, name)
}

// call makes a unary call.
func call(ctx context.Context, conn *grpc.ClientConn, method, entry string) error {
	return conn.Invoke(ctx, method, wrapperspb.String(entry), &emptypb.Empty{})
}

// stream sends one entry in a stream.
func stream(ctx context.Context, conn *grpc.ClientConn, _, entry string) error {
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, upload)
	if err != nil {
		return err
	}
	_ = stream.SendMsg(wrapperspb.String(entry)) // RecvMsg says why not
	_ = stream.CloseSend()
	return stream.RecvMsg(&emptypb.Empty{})
}

func TestConformance(t *testing.T) {
	for kind, send := range map[string]func(context.Context, *grpc.ClientConn, string, string) error{"unary": call, "stream": stream} {
		t.Run(kind, func(t *testing.T) {
			fencetest.Run(t, func(t *testing.T, opts ...fence.Option) fencetest.Resource {
				service, conn := serve(t, guarded(fence.NewMemory(opts...))...)
				write := func(ctx context.Context, name string, token int64, entry string) error {
					err := send(fencegrpc.WithToken(named(ctx, name), token), conn, append1, entry)
					switch status.Code(err) {
					case codes.DataLoss:
						return fencetest.ErrFailed
					case codes.Canceled:
						if ctx.Err() != nil {
							return ctx.Err()
						}
						return fmt.Errorf("closed: %w", err) // grpc: the client connection is closing
					}
					return err
				}
				return fencetest.Resource{
					Append: write,
					Fail: func(ctx context.Context, name string, token int64, _ string) error {
						return write(ctx, name, token, "fail")
					},
					Log:   func(_ testing.TB, name string) []string { return service.log(name) },
					Close: func() { require.NoError(t, conn.Close()) },
				}
			})
		})
	}
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}
