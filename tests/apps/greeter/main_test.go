// Tests of the process as a whole without a database: it starts, answers on both ports, says that it does not serve, and ends when
// asked; and of its client modes.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"slipway.dev/apps/greeter/internal/settings"
)

func TestItStaysUpWithoutADatabaseAndEndsWhenAsked(t *testing.T) {
	t.Setenv("PGHOST", "127.0.0.1")
	t.Setenv("PGPORT", "1")
	values := settings.Settings{GRPCPort: freePort(t), HTTPPort: freePort(t), Grace: 10 * time.Second, Pool: settings.Pool{MaxOpen: 1}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, cancel, values, slog.New(slog.DiscardHandler)) }()

	web := fmt.Sprintf("http://127.0.0.1:%d", values.HTTPPort)
	if got := eventually(t, web+"/livez"); got != `200 {"alive":true}` {
		t.Errorf("/livez: %s", got)
	}
	if got := eventually(t, web+"/readyz"); got != `503 {"ready":false}` {
		t.Errorf("/readyz: %s", got)
	}
	if got := eventually(t, web+"/v1/greet/Ada"); got != `503 {"code":"Unavailable","error":"the database does not answer"}` {
		t.Errorf("/v1/greet/Ada: %s", got)
	}
	address := fmt.Sprintf("127.0.0.1:%d", values.GRPCPort)
	code, printed := command(t, "probe", address)
	if code != exitFailed || printed != address+" NOT_SERVING\n" {
		t.Errorf("probe: exit code %d, %q", code, printed)
	}
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(15 * time.Second):
		t.Fatal("still serving 15 s after it was asked to end")
	}
}

func TestProbeFailsWhereNobodyListens(t *testing.T) {
	address := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	code, printed := command(t, "probe", address)
	if code != exitFailed || !strings.HasPrefix(printed, address+" rpc error: code = Unavailable") {
		t.Fatalf("exit code %d, %q", code, printed)
	}
}

func TestWrongUseEndsWithCode2(t *testing.T) {
	for _, arguments := range [][]string{{"probe"}, {"call", "127.0.0.1:1"}, {"dance"}} {
		if code, _ := command(t, arguments...); code != exitUsage {
			t.Errorf("%v: exit code %d", arguments, code)
		}
	}
}

func command(t *testing.T, arguments ...string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer
	return run(ctx, cancel, arguments, &out), out.String()
}

// freePort gives a port that nothing listens on now.
func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// eventually gives status and body of the first answer, for as long as the server needs to start.
func eventually(t *testing.T, url string) string {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		response, err := http.Get(url)
		if err == nil {
			defer response.Body.Close()
			body, _ := io.ReadAll(response.Body)
			return strings.TrimSpace(fmt.Sprintf("%d %s", response.StatusCode, body))
		}
		if time.Now().After(deadline) {
			t.Fatalf("no answer in 10 s: %v", err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
