// The life of the server: start without waiting for the database, serve, and on SIGTERM finish what is under way within the grace.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"time"

	"slipway.dev/apps/orders/internal/api"
	"slipway.dev/apps/orders/internal/settings"
	"slipway.dev/apps/orders/internal/store"
)

const (
	// spareGrace is left of the grace for closing connections and leaving, before SIGKILL.
	spareGrace = time.Second
	// headerTimeout ends a connection that does not finish its request's header.
	headerTimeout = 10 * time.Second
	// idleTimeout closes a kept connection. Longer than common proxies' 60 s, so that it is the proxy who closes and no request meets a closing socket.
	idleTimeout = 90 * time.Second
)

// serve returns after ctx ended and all is closed. stop gives signals their usual meaning back, so that a second one ends the process at once.
func serve(ctx context.Context, stop context.CancelFunc, values settings.Settings, log *slog.Logger) error {
	kept := allocate(values.AllocateMiB, log)
	defer runtime.KeepAlive(kept)

	database, err := store.Open(values.Pool)
	if err != nil {
		return err
	}
	defer database.Close()

	server := &http.Server{
		Handler:           api.New(database, values.Version, log),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	listener, err := net.Listen("tcp", values.Address)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	log.Info("serving", "address", listener.Addr().String(), "version", values.Version)

	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
		stop()
	}
	log.Info("finishing", "grace", values.Grace.String())
	return finish(server, values.Grace)
}

// finish takes no new connection, waits for the requests under way, and cuts off what is left shortly before the grace ends.
func finish(server *http.Server, grace time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), max(grace-spareGrace, spareGrace))
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		server.Close()
		return fmt.Errorf("requests were cut off: %w", err)
	}
	return nil
}

// allocate takes so many MiB and writes to each page, as memory counts against a container's limit only when it is touched.
func allocate(mebibytes int, log *slog.Logger) [][]byte {
	if mebibytes == 0 {
		return nil
	}
	log.Info("allocating", "mebibytes", mebibytes)
	const pageBytes = 4096
	blocks := make([][]byte, mebibytes)
	for number := range blocks {
		block := make([]byte, 1<<20)
		for offset := 0; offset < len(block); offset += pageBytes {
			block[offset] = 1
		}
		blocks[number] = block
	}
	return blocks
}
