// Tests of the gRPC side over a real connection and a store in memory: answers, status codes, health, and that a watcher of the health
// does not hold up the end.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"slipway.dev/apps/greeter/internal/greeterpb"
	"slipway.dev/apps/greeter/internal/store"
)

// memory is a store that knows two languages. A failure set in it is the answer of every call.
type memory struct{ failure error }

func (m memory) Salutation(_ context.Context, language string) (string, error) {
	salutation, found := map[string]string{"en": "Hello", "no": "Hei"}[language]
	if !found && m.failure == nil {
		return "", store.ErrNotFound
	}
	return salutation, m.failure
}

func (m memory) Greetings(context.Context) ([]store.Greeting, error) {
	return []store.Greeting{{Language: "en", Salutation: "Hello"}, {Language: "no", Salutation: "Hei"}}, m.failure
}

// started serves the store on this host and gives a connection to it, the server, and what ends its streams.
func started(t *testing.T, database Store) (*grpc.ClientConn, *grpc.Server, context.CancelFunc) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	draining, drain := context.WithCancel(context.Background())
	t.Cleanup(drain)
	server := NewServer(draining, database, NewHealth(), slog.New(slog.DiscardHandler))
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	connection, err := grpc.NewClient("passthrough:///"+listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return connection, server, drain
}

func TestAGreetingIsTheSalutationOfItsLanguage(t *testing.T) {
	connection, _, _ := started(t, memory{})
	client := greeterpb.NewGreeterServiceClient(connection)
	for language, want := range map[string]string{"": "Hello, Ada!", "en": "Hello, Ada!", "no": "Hei, Ada!"} {
		greeted, err := client.Greet(t.Context(), &greeterpb.GreetRequest{Name: "Ada", Language: language})
		if err != nil || greeted.GetMessage() != want {
			t.Errorf("%q: got %q, %v", language, greeted.GetMessage(), err)
		}
	}
}

func TestAllGreetingsAreListed(t *testing.T) {
	connection, _, _ := started(t, memory{})
	got, err := greeterpb.NewGreeterServiceClient(connection).ListGreetings(t.Context(), &greeterpb.ListGreetingsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	want := &greeterpb.ListGreetingsResponse{Greetings: []*greeterpb.Greeting{
		{Language: "en", Salutation: "Hello"},
		{Language: "no", Salutation: "Hei"},
	}}
	if !proto.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestAFailureHasItsCodeAndLeaksNoAddress(t *testing.T) {
	for _, known := range []struct {
		failure error
		request *greeterpb.GreetRequest
		want    error
	}{
		{nil, &greeterpb.GreetRequest{}, status.Error(codes.InvalidArgument, "name is empty or longer than 256 bytes")},
		{nil, &greeterpb.GreetRequest{Name: strings.Repeat("a", 257)}, status.Error(codes.InvalidArgument, "name is empty or longer than 256 bytes")},
		{nil, &greeterpb.GreetRequest{Name: "Ada", Language: "tlh"}, status.Error(codes.NotFound, "no greeting in this language")},
		{fmt.Errorf("%w: 10.0.0.7", store.ErrUnavailable), &greeterpb.GreetRequest{Name: "Ada"}, status.Error(codes.Unavailable, "the database does not answer")},
		{fmt.Errorf("%w (SQLSTATE 42P01)", store.ErrSchema), &greeterpb.GreetRequest{Name: "Ada"}, status.Error(codes.FailedPrecondition, "the schema is older than this release needs")},
		{errors.New("10.0.0.7"), &greeterpb.GreetRequest{Name: "Ada"}, status.Error(codes.Internal, "internal error")},
	} {
		connection, _, _ := started(t, memory{failure: known.failure})
		_, err := greeterpb.NewGreeterServiceClient(connection).Greet(t.Context(), known.request)
		if !errors.Is(err, known.want) {
			t.Errorf("got %v, want %v", err, known.want)
		}
	}
}

func TestHealthFollowsTheDatabase(t *testing.T) {
	state := NewHealth()
	var away atomic.Bool
	away.Store(true)
	ping := func(context.Context) error {
		if away.Load() {
			return store.ErrUnavailable
		}
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go WatchDatabase(ctx, ping, state, slog.New(slog.DiscardHandler))
	for _, service := range []string{"", "slipway.greeter.v1.GreeterService"} {
		checked, err := state.Check(ctx, &healthpb.HealthCheckRequest{Service: service})
		if err != nil || checked.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
			t.Errorf("before the first answer, %q is %v, %v", service, checked.GetStatus(), err)
		}
	}
	away.Store(false)
	waitFor(t, func() bool { return isServing(ctx, state) })
	away.Store(true)
	waitFor(t, func() bool { return !isServing(ctx, state) })
}

func TestAWatcherOfTheHealthDoesNotHoldUpTheEnd(t *testing.T) {
	connection, server, drain := started(t, memory{})
	watch, err := healthpb.NewHealthClient(connection).Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Recv(); err != nil {
		t.Fatal(err)
	}
	drain()
	ended := make(chan struct{})
	go func() {
		server.GracefulStop()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the server still waits for the watcher after 10 s")
	}
}

func isServing(ctx context.Context, state healthpb.HealthServer) bool {
	checked, err := state.Check(ctx, &healthpb.HealthCheckRequest{})
	return err == nil && checked.GetStatus() == healthpb.HealthCheckResponse_SERVING
}

// waitFor polls condition, for 10 s at the most.
func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatal("not so after 10 s")
		}
		time.Sleep(5 * time.Millisecond)
	}
}
