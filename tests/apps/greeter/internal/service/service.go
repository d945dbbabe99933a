// Package service is the gRPC side: the greeter itself, and its health by the standard protocol. It knows the database only as an
// interface, and answers with the status codes that gRPC clients act on.
package service

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"slipway.dev/apps/greeter/internal/greeterpb"
	"slipway.dev/apps/greeter/internal/store"
)

const (
	// callTimeout ends a call's work with the database, where the client has no shorter deadline.
	callTimeout = 5 * time.Second
	// connectionAge makes clients look for new pods from time to time: a gRPC connection otherwise stays with one pod for ever.
	connectionAge = 5 * time.Minute
	// connectionAgeGrace is how long calls on such a connection may still take.
	connectionAgeGrace = 30 * time.Second
	// longestName bounds a name. Characters' bytes; a greeting card has no more room.
	longestName = 256
	// defaultLanguage is the one that migration 1 seeds.
	defaultLanguage = "en"
)

// Store is what the greeter needs from the database.
type Store interface {
	Salutation(ctx context.Context, language string) (string, error)
	Greetings(ctx context.Context) ([]store.Greeting, error)
}

// NewServer makes the gRPC server with both services. Streams end when draining does, so that a client that watches the health does not
// hold up the end of the process.
func NewServer(draining context.Context, database Store, state *health.Server, log *slog.Logger) *grpc.Server {
	server := grpc.NewServer(
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: connectionAge, MaxConnectionAgeGrace: connectionAgeGrace}),
		grpc.StreamInterceptor(endWith(draining)),
	)
	greeterpb.RegisterGreeterServiceServer(server, &greeter{store: database, log: log})
	healthpb.RegisterHealthServer(server, state)
	return server
}

// greeter implements GreeterService.
type greeter struct {
	greeterpb.UnimplementedGreeterServiceServer
	store Store
	log   *slog.Logger
}

// Greet implements the call of that name.
func (g *greeter) Greet(ctx context.Context, request *greeterpb.GreetRequest) (*greeterpb.GreetResponse, error) {
	name := request.GetName()
	if name == "" || len(name) > longestName {
		return nil, status.Errorf(codes.InvalidArgument, "name is empty or longer than %d bytes", longestName)
	}
	language := request.GetLanguage()
	if language == "" {
		language = defaultLanguage
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	salutation, err := g.store.Salutation(ctx, language)
	if err != nil {
		return nil, g.refuse("Greet", err)
	}
	return &greeterpb.GreetResponse{Message: salutation + ", " + name + "!"}, nil
}

// ListGreetings implements the call of that name.
func (g *greeter) ListGreetings(ctx context.Context, _ *greeterpb.ListGreetingsRequest) (*greeterpb.ListGreetingsResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	greetings, err := g.store.Greetings(ctx)
	if err != nil {
		return nil, g.refuse("ListGreetings", err)
	}
	response := &greeterpb.ListGreetingsResponse{}
	for _, greeting := range greetings {
		response.Greetings = append(response.Greetings, &greeterpb.Greeting{Language: greeting.Language, Salutation: greeting.Salutation})
	}
	return response, nil
}

// refuse turns an error of the store into a status. What is not the client's doing is logged; its text stays here, as addresses stand in it.
func (g *greeter) refuse(call string, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return status.Error(codes.NotFound, store.ErrNotFound.Error())
	}
	g.log.Error("call failed", "call", call, "error", err)
	switch {
	case errors.Is(err, store.ErrUnavailable):
		return status.Error(codes.Unavailable, store.ErrUnavailable.Error())
	case errors.Is(err, store.ErrSchema):
		return status.Error(codes.FailedPrecondition, store.ErrSchema.Error())
	default:
		return status.Error(codes.Internal, "internal error")
	}
}

// endWith gives each stream a context that also ends with draining.
func endWith(draining context.Context) grpc.StreamServerInterceptor {
	return func(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
		ctx, cancel := context.WithCancel(stream.Context())
		defer cancel()
		defer context.AfterFunc(draining, cancel)()
		return handle(server, &boundStream{ServerStream: stream, bound: ctx})
	}
}

// boundStream is a stream with a context of our own.
type boundStream struct {
	grpc.ServerStream
	bound context.Context
}

// Context implements grpc.ServerStream.
func (b *boundStream) Context() context.Context { return b.bound }
