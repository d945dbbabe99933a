// The health that clients and the kubelet ask for: SERVING for as long as the database answers.
package service

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"slipway.dev/apps/greeter/internal/greeterpb"
)

const (
	// checkInterval is the most that the health lags behind the database, but for checkTimeout. Shorter than a probe's period (Slipway's default: 5 s).
	checkInterval = time.Second
	// checkTimeout is when a database counts as away.
	checkTimeout = time.Second
)

// NewHealth makes a health server that serves nothing until the database has answered once.
func NewHealth() *health.Server {
	state := health.NewServer()
	set(state, healthpb.HealthCheckResponse_NOT_SERVING)
	return state
}

// WatchDatabase sets the health by what ping says, until ctx ends. It logs a change, not a check.
func WatchDatabase(ctx context.Context, ping func(context.Context) error, state *health.Server, log *slog.Logger) {
	tick := time.NewTicker(checkInterval)
	defer tick.Stop()
	serving := false
	for {
		err := check(ctx, ping)
		if ctx.Err() != nil {
			return
		}
		if now := err == nil; now != serving {
			serving = now
			set(state, healthOf(serving))
			logChange(log, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func logChange(log *slog.Logger, err error) {
	if err != nil {
		log.Warn("no longer serving", "error", err)
		return
	}
	log.Info("the database answers: serving")
}

func check(ctx context.Context, ping func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return ping(ctx)
}

func healthOf(serving bool) healthpb.HealthCheckResponse_ServingStatus {
	if serving {
		return healthpb.HealthCheckResponse_SERVING
	}
	return healthpb.HealthCheckResponse_NOT_SERVING
}

// set gives the same health to the server as a whole, which is what a probe without a service asks for, and to the greeter.
func set(state *health.Server, to healthpb.HealthCheckResponse_ServingStatus) {
	state.SetServingStatus("", to)
	state.SetServingStatus(greeterpb.GreeterService_ServiceDesc.ServiceName, to)
}
