// Tests of the process as a whole without a database: command line, exit codes, start without a database, graceful end; and of the
// migration folders, which must agree on what release 1.0.0 is.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway.dev/apps/orders/internal/load"
	"slipway.dev/apps/orders/internal/settings"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestFailStartEndsWithCode2(t *testing.T) {
	t.Setenv("FAIL_START", "1")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if got := runServer(ctx, cancel, discard()); got != exitUsage {
		t.Fatalf("exit code %d", got)
	}
}

func TestAWrongSettingEndsWithCode2(t *testing.T) {
	t.Setenv("PORT", "http")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if got := runServer(ctx, cancel, discard()); got != exitUsage {
		t.Fatalf("exit code %d", got)
	}
}

func TestItStaysUpWithoutADatabaseAndEndsWhenAsked(t *testing.T) {
	t.Setenv("PGHOST", "127.0.0.1")
	t.Setenv("PGPORT", "1")
	address := freeAddress(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- serve(ctx, cancel, settings.Settings{Address: address, Grace: 5 * time.Second, Pool: settings.Pool{MaxOpen: 1}}, discard())
	}()
	if got := eventually(t, "http://"+address+"/livez"); got != http.StatusOK {
		t.Errorf("/livez: %d", got)
	}
	if got := eventually(t, "http://"+address+"/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("/readyz: %d", got)
	}
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("still serving 10 s after it was asked to end")
	}
}

func TestARequestUnderWayIsFinishedWithinTheGrace(t *testing.T) {
	arrived := make(chan struct{})
	server := &http.Server{Handler: http.HandlerFunc(func(response http.ResponseWriter, _ *http.Request) {
		close(arrived)
		time.Sleep(100 * time.Millisecond) // not a wait for anything: the length of the request
		_, _ = io.WriteString(response, "whole")
	})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	body := make(chan string, 1)
	go func() {
		response, err := http.Get("http://" + listener.Addr().String())
		if err != nil {
			body <- err.Error()
			return
		}
		defer response.Body.Close()
		read, _ := io.ReadAll(response.Body)
		body <- string(read)
	}()
	<-arrived
	if err := finish(server, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	if got := <-body; got != "whole" {
		t.Fatalf("the client got %q", got)
	}
}

func TestLoadTakesItsFlagsOnBothSidesOfTheURL(t *testing.T) {
	for _, arguments := range [][]string{{"-for", "3s", "http://a"}, {"http://a", "-for", "3s"}} {
		flags := flag.NewFlagSet("load", flag.ContinueOnError)
		length := flags.Duration("for", 0, "")
		url, err := urlAndFlags(flags, arguments)
		if err != nil || url != "http://a" || *length != 3*time.Second {
			t.Errorf("%v: %q, %v, %v", arguments, url, *length, err)
		}
	}
}

func TestLoadPrintsOneLineOfJSON(t *testing.T) {
	var out bytes.Buffer
	code := runLoad(t.Context(), []string{"http://" + freeAddress(t), "-for", "50ms", "-every", "5ms"}, &out)
	var report load.Report
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatalf("%v in %q", err, out.String())
	}
	if code != exitFailed || report.Failed == 0 || report.FirstFailure == nil || strings.Count(out.String(), "\n") != 1 {
		t.Fatalf("code %d, %q", code, out.String())
	}
}

func TestAllMigrationFoldersStartFromRelease100(t *testing.T) {
	released, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(released) != 2 {
		t.Fatalf("release 1.0.0 has the files %v (%v)", released, err)
	}
	for _, folder := range []string{"migrations-broken", "migrations-mended"} {
		for _, file := range released {
			if content(t, filepath.Join(folder, filepath.Base(file))) != content(t, file) {
				t.Errorf("%s/%s is not the file that was released", folder, filepath.Base(file))
			}
		}
	}
}

func TestTheBrokenMigrationBreaksOnTheLineItNames(t *testing.T) {
	text := content(t, "migrations-broken/00003_unique_email.sql")
	if !strings.Contains(text, "-- line 7 is refused with SQLSTATE 23505") {
		t.Fatal("its head does not name line 7")
	}
	if line := strings.Split(text, "\n")[6]; !strings.HasPrefix(line, "CREATE UNIQUE INDEX") {
		t.Fatalf("line 7 is %q", line)
	}
}

func content(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// freeAddress gives a loopback address that nothing listens on now.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// eventually gives the status of the first answer, for as long as the server needs to start.
func eventually(t *testing.T, url string) int {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		response, err := http.Get(url)
		if err == nil {
			response.Body.Close()
			return response.StatusCode
		}
		if time.Now().After(deadline) {
			t.Fatalf("no answer in 10 s: %v", err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
