// Tests of the settings: what Slipway gives to a pod arrives, an empty environment works, a wrong value is named.
package settings

import (
	"testing"
	"time"
)

func environment(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, found := values[name]
		return value, found
	}
}

func TestAnEmptyEnvironmentMeansTheDefaults(t *testing.T) {
	got, err := FromEnvironment(environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	want := Settings{
		Address: ":8080",
		Grace:   30 * time.Second,
		Pool:    Pool{MaxOpen: 10, MaxIdle: 10, MaxLifetime: 30 * time.Minute},
	}
	if got != want {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

func TestWhatSlipwayGivesToAPodArrives(t *testing.T) {
	got, err := FromEnvironment(environment(map[string]string{
		"PORT":                  "9000",
		"SLIPWAY_GRACE_SECONDS": "45",
		"DB_MAX_OPEN_CONNS":     "7",
		"DB_MAX_IDLE_CONNS":     "6",
		"DB_CONN_MAX_LIFETIME":  "4m0s",
		"FAIL_START":            "1",
		"ALLOCATE_MIB":          "600",
		"APP_VERSION":           "1.2.0",
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := Settings{
		Address:     ":9000",
		Grace:       45 * time.Second,
		Pool:        Pool{MaxOpen: 7, MaxIdle: 6, MaxLifetime: 4 * time.Minute},
		FailStart:   true,
		AllocateMiB: 600,
		Version:     "1.2.0",
	}
	if got != want {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

func TestAPoolKeepsAsManyConnectionsAsItMayOpen(t *testing.T) {
	got, err := FromEnvironment(environment(map[string]string{"DB_MAX_OPEN_CONNS": "4"}))
	if err != nil {
		t.Fatal(err)
	}
	if got.Pool.MaxIdle != 4 {
		t.Fatalf("MaxIdle is %d, want 4", got.Pool.MaxIdle)
	}
}

func TestAWrongValueIsNamed(t *testing.T) {
	for _, wrong := range []struct{ name, value, message string }{
		{"PORT", "http", `PORT="http": want a whole number of at least 1`},
		{"PORT", "70000", `PORT="70000": want a port, 1 to 65535`},
		{"DB_MAX_OPEN_CONNS", "0", `DB_MAX_OPEN_CONNS="0": want a whole number of at least 1`},
		{"DB_CONN_MAX_LIFETIME", "30", `DB_CONN_MAX_LIFETIME="30": want a Go duration such as 30m0s`},
		{"ALLOCATE_MIB", "-1", `ALLOCATE_MIB="-1": want a whole number of at least 0`},
	} {
		_, err := FromEnvironment(environment(map[string]string{wrong.name: wrong.value}))
		if err == nil || err.Error() != wrong.message {
			t.Errorf("%s=%s: got %v, want %s", wrong.name, wrong.value, err, wrong.message)
		}
	}
}
