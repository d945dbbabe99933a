// Package settings reads what the pod's environment says about this process: the port, the connection pool, the time to
// finish in, and the two switches that make it misbehave on purpose. Pure: the environment is an argument. The database's own
// variables (PGHOST and so on) are not read here, pgx knows them.
package settings

import (
	"fmt"
	"strconv"
	"time"
)

// Settings is all that the service takes from its environment.
type Settings struct {
	// Address is where HTTP is served: every interface, at PORT. Default :8080.
	Address string
	// Grace is the time between SIGTERM and SIGKILL, from SLIPWAY_GRACE_SECONDS. Default 30 s, Kubernetes' own.
	Grace time.Duration
	// Pool bounds the database connections.
	Pool Pool
	// FailStart ends the process at once with exit code 2 (FAIL_START=1): a container that crashes in a loop.
	FailStart bool
	// AllocateMiB is memory to take and keep, from ALLOCATE_MIB: a container that meets its memory limit. MiB, default 0.
	AllocateMiB int
	// Version overrides the version that was linked in, from APP_VERSION. Empty: not overridden.
	Version string
}

// Pool bounds the database connections, from the DB_* variables.
type Pool struct {
	// MaxOpen is the most connections at once, from DB_MAX_OPEN_CONNS. Default 10.
	MaxOpen int
	// MaxIdle is how many are kept, from DB_MAX_IDLE_CONNS. Default: as many as may be open, as Go's own 2 makes new
	// connections all the time under load.
	MaxIdle int
	// MaxLifetime is when a connection is replaced, from DB_CONN_MAX_LIFETIME. Default 30 min; 0 keeps them for ever.
	MaxLifetime time.Duration
}

// FromEnvironment reads the settings through lookup, which is os.LookupEnv in the service. An unset or empty variable
// means its default; a wrong one is an error that names it.
func FromEnvironment(lookup func(string) (string, bool)) (Settings, error) {
	environment := reader{lookup: lookup}
	maxOpen := environment.number("DB_MAX_OPEN_CONNS", 10, 1)
	settings := Settings{
		Address: fmt.Sprintf(":%d", environment.port("PORT", 8080)),
		Grace:   time.Duration(environment.number("SLIPWAY_GRACE_SECONDS", 30, 1)) * time.Second,
		Pool: Pool{
			MaxOpen:     maxOpen,
			MaxIdle:     environment.number("DB_MAX_IDLE_CONNS", maxOpen, 0),
			MaxLifetime: environment.duration("DB_CONN_MAX_LIFETIME", 30*time.Minute),
		},
		FailStart:   environment.text("FAIL_START") == "1",
		AllocateMiB: environment.number("ALLOCATE_MIB", 0, 0),
		Version:     environment.text("APP_VERSION"),
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
