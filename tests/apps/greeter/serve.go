// The life of the two servers: start without waiting for the database, serve, and on SIGTERM finish what is under way within the grace,
// the gateway first, as it is a client of the other.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"

	"slipway.dev/apps/greeter/internal/client"
	"slipway.dev/apps/greeter/internal/gateway"
	"slipway.dev/apps/greeter/internal/service"
	"slipway.dev/apps/greeter/internal/settings"
	"slipway.dev/apps/greeter/internal/store"
)

const (
	// spareGrace is left of the grace for closing connections and leaving, before SIGKILL.
	spareGrace = time.Second
	// headerTimeout ends a connection that does not finish its request's header.
	headerTimeout = 10 * time.Second
	// idleTimeout closes a kept HTTP connection. Longer than common proxies' 60 s, so that it is the proxy who closes.
	idleTimeout = 90 * time.Second
)

// servers are the parts that end together.
type servers struct {
	grpc     *grpc.Server
	http     *http.Server
	health   *health.Server
	endWatch context.CancelFunc
}

// serve returns after ctx ended and all is closed. stop gives signals their usual meaning back, so that a second one ends the process at once.
func serve(ctx context.Context, stop context.CancelFunc, values settings.Settings, log *slog.Logger) error {
	database, err := store.Open(values.Pool)
	if err != nil {
		return err
	}
	defer database.Close()

	grpcListener, err := net.Listen("tcp", fmt.Sprintf(":%d", values.GRPCPort))
	if err != nil {
		return fmt.Errorf("listening for gRPC: %w", err)
	}
	httpListener, err := net.Listen("tcp", fmt.Sprintf(":%d", values.HTTPPort))
	if err != nil {
		grpcListener.Close()
		return fmt.Errorf("listening for HTTP: %w", err)
	}
	own, err := client.Dial(net.JoinHostPort("127.0.0.1", strconv.Itoa(values.GRPCPort)))
	if err != nil {
		return fmt.Errorf("connecting the gateway: %w", err)
	}
	defer own.Close()

	state := service.NewHealth()
	watching, endWatch := context.WithCancel(context.Background())
	defer endWatch()
	running := servers{
		grpc: service.NewServer(watching, database, state, log),
		http: &http.Server{
			Handler:           gateway.New(own, values.Version),
			ReadHeaderTimeout: headerTimeout,
			IdleTimeout:       idleTimeout,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		},
		health:   state,
		endWatch: endWatch,
	}
	go service.WatchDatabase(watching, database.Ping, state, log)
	failed := make(chan error, 2)
	go func() { failed <- running.grpc.Serve(grpcListener) }()
	go func() { failed <- running.http.Serve(httpListener) }()
	log.Info("serving", "grpc", grpcListener.Addr().String(), "http", httpListener.Addr().String(), "version", values.Version)

	select {
	case err := <-failed:
		running.grpc.Stop()
		running.http.Close()
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
		stop()
	}
	log.Info("finishing", "grace", values.Grace.String())
	return running.finish(values.Grace)
}

// finish says NOT_SERVING, takes no new work, waits for what is under way, and cuts off what is left shortly before the grace ends.
func (s *servers) finish(grace time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), max(grace-spareGrace, spareGrace))
	defer cancel()
	s.health.Shutdown()
	s.endWatch()
	cutOff := s.http.Shutdown(ctx)
	if cutOff != nil {
		s.http.Close()
	}
	ended := make(chan struct{})
	go func() {
		s.grpc.GracefulStop()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		s.grpc.Stop()
		cutOff = ctx.Err()
	}
	if cutOff != nil {
		return fmt.Errorf("calls were cut off: %w", cutOff)
	}
	return nil
}
