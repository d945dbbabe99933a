// Tests of the settings: what Slipway gives to a pod arrives, whichever port it calls the first; a wrong value is named.
package settings

import (
	"testing"
	"time"
)

func read(values map[string]string) (Settings, error) {
	return FromEnvironment(func(name string) (string, bool) {
		value, found := values[name]
		return value, found
	})
}

func TestAnEmptyEnvironmentMeansTheDefaults(t *testing.T) {
	got, err := read(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Settings{
		GRPCPort: 9090,
		HTTPPort: 8080,
		Grace:    30 * time.Second,
		Pool:     Pool{MaxOpen: 10, MaxIdle: 10, MaxLifetime: 30 * time.Minute},
	}
	if got != want {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

func TestThePortsArriveWhicheverComesFirst(t *testing.T) {
	for _, known := range []struct {
		values     map[string]string
		grpc, http int
	}{
		{map[string]string{"PORT": "9090"}, 9090, 8080},
		{map[string]string{"PORT": "8080"}, 9090, 8080},
		{map[string]string{"PORT": "8081", "GRPC_PORT": "9091"}, 9091, 8081},
		{map[string]string{"PORT": "9091", "GRPC_PORT": "9091", "HTTP_PORT": "8082"}, 9091, 8082},
	} {
		got, err := read(known.values)
		if err != nil || got.GRPCPort != known.grpc || got.HTTPPort != known.http {
			t.Errorf("%v: gRPC %d, HTTP %d, %v", known.values, got.GRPCPort, got.HTTPPort, err)
		}
	}
}

func TestAWrongValueIsNamed(t *testing.T) {
	for _, wrong := range []struct {
		values  map[string]string
		message string
	}{
		{map[string]string{"GRPC_PORT": "x"}, `GRPC_PORT="x": want a whole number of at least 1`},
		{map[string]string{"HTTP_PORT": "9090"}, `HTTP_PORT="9090": want another port than GRPC_PORT`},
		{map[string]string{"PORT": "65536"}, `PORT="65536": want a port, 1 to 65535`},
		{map[string]string{"DB_CONN_MAX_LIFETIME": "soon"}, `DB_CONN_MAX_LIFETIME="soon": want a Go duration such as 30m0s`},
	} {
		if _, err := read(wrong.values); err == nil || err.Error() != wrong.message {
			t.Errorf("%v: got %v, want %s", wrong.values, err, wrong.message)
		}
	}
}
