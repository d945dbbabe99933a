// Package settings reads what the pod's environment says about this process: the two ports, the connection pool, the time to
// finish in. Pure: the environment is an argument. The database's own variables (PGHOST and so on) are not read here, pgx knows them.
package settings

import (
	"fmt"
	"strconv"
	"time"
)

// Settings is all that the service takes from its environment.
type Settings struct {
	// GRPCPort is where gRPC is served, from GRPC_PORT. Default 9090.
	GRPCPort int
	// HTTPPort is where the JSON gateway is served, from HTTP_PORT or else PORT. Default 8080.
	HTTPPort int
	// Grace is the time between SIGTERM and SIGKILL, from SLIPWAY_GRACE_SECONDS. Default 30 s, Kubernetes' own.
	Grace time.Duration
	// Pool bounds the database connections.
	Pool Pool
	// Version overrides the version that was linked in, from APP_VERSION. Empty: not overridden.
	Version string
}

// Pool bounds the database connections, from the DB_* variables.
type Pool struct {
	// MaxOpen is the most connections at once, from DB_MAX_OPEN_CONNS. Default 10.
	MaxOpen int
	// MaxIdle is how many are kept, from DB_MAX_IDLE_CONNS. Default: as many as may be open.
	MaxIdle int
	// MaxLifetime is when a connection is replaced, from DB_CONN_MAX_LIFETIME. Default 30 min; 0 keeps them for ever.
	MaxLifetime time.Duration
}

// FromEnvironment reads the settings through lookup, which is os.LookupEnv in the service. An unset or empty variable
// means its default; a wrong one is an error that names it.
func FromEnvironment(lookup func(string) (string, bool)) (Settings, error) {
	environment := reader{lookup: lookup}
	maxOpen := environment.number("DB_MAX_OPEN_CONNS", 10, 1)
	grpcPort := environment.port("GRPC_PORT", 9090)
	settings := Settings{
		GRPCPort: grpcPort,
		HTTPPort: environment.httpPort(grpcPort),
		Grace:    time.Duration(environment.number("SLIPWAY_GRACE_SECONDS", 30, 1)) * time.Second,
		Pool: Pool{
			MaxOpen:     maxOpen,
			MaxIdle:     environment.number("DB_MAX_IDLE_CONNS", maxOpen, 0),
			MaxLifetime: environment.duration("DB_CONN_MAX_LIFETIME", 30*time.Minute),
		},
		Version: environment.text("APP_VERSION"),
	}
	if environment.problem == nil && settings.HTTPPort == settings.GRPCPort {
		environment.refuse("HTTP_PORT", strconv.Itoa(settings.HTTPPort), "another port than GRPC_PORT")
	}
	return settings, environment.problem
}

// reader keeps the first problem, so that FromEnvironment reads as the list of what there is.
type reader struct {
	lookup  func(string) (string, bool)
	problem error
}

func (r *reader) text(name string) string {
	value, _ := r.lookup(name)
	return value
}

func (r *reader) number(name string, absent, least int) int {
	value := r.text(name)
	if value == "" {
		return absent
	}
	number, err := strconv.Atoi(value)
	if err != nil || number < least {
		r.refuse(name, value, fmt.Sprintf("a whole number of at least %d", least))
		return absent
	}
	return number
}

func (r *reader) port(name string, absent int) int {
	port := r.number(name, absent, 1)
	if port > 65535 {
		r.refuse(name, strconv.Itoa(port), "a port, 1 to 65535")
		return absent
	}
	return port
}

// httpPort is HTTP_PORT, or PORT where that is not the gRPC port: PORT is the first of a Backend's ports, and which of the two comes first is up to its author.
func (r *reader) httpPort(grpcPort int) int {
	const absent = 8080
	first := r.port("PORT", absent)
	if first == grpcPort {
		first = absent
	}
	return r.port("HTTP_PORT", first)
}

func (r *reader) duration(name string, absent time.Duration) time.Duration {
	value := r.text(name)
	if value == "" {
		return absent
	}
	duration, err := time.ParseDuration(value)
	if err != nil || duration < 0 {
		r.refuse(name, value, "a Go duration such as 30m0s")
		return absent
	}
	return duration
}

func (r *reader) refuse(name, value, wanted string) {
	if r.problem == nil {
		r.problem = fmt.Errorf("%s=%q: want %s", name, value, wanted)
	}
}
