package fencegrpc_test

import (
	"context"
	"errors"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/a5bbb083/redlock/redlock/fence"
	"github.com/a5bbb083/redlock/redlock/fence/fencegrpc"
)

func Example() {
	guard := fence.NewMemory()
	account := func(_ context.Context, _ string, _ any) string { return "account:42" } // or from the request
	server := grpc.NewServer(grpc.ChainUnaryInterceptor(                               // others first, this one last
		fencegrpc.UnaryServerInterceptor(guard, account, fencegrpc.Unfenced("/grpc.health.v1.Health/"))))
	bank := &service{write: func(_ context.Context, _, entry string) error { fmt.Println("wrote", entry); return nil }}
	server.RegisterService(&description, bank)
	listener := bufconn.Listen(1 << 20) // in place of a network
	go server.Serve(listener)
	defer server.Stop()

	conn, err := grpc.NewClient("passthrough:///bank", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithUnaryInterceptor(fencegrpc.UnaryClientInterceptor()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	for _, token := range []int64{34, 33} {
		ctx := fencegrpc.WithToken(context.Background(), token) // lock.Context() and lock.Fence()
		err := conn.Invoke(ctx, "/test.Log/Append", wrapperspb.String("50 EUR"), &emptypb.Empty{})
		fmt.Println(err, errors.Is(err, fence.ErrStale))
	}
	// Output:
	// wrote 50 EUR
	// <nil> false
	// rpc error: code = FailedPrecondition desc = fence: stale token: 33 for "account:42", where 34 has been seen; the lock was lost, don't write true
}
