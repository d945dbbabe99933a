// Tests of the load client against servers on this host: it counts right, sees each kind of failure, and uses both kinds of connection.
package load

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// runUntil runs the client against handler until it has served that many requests.
func runUntil(t *testing.T, requests int64, handler http.HandlerFunc) Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var served atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		handler(response, request)
		if served.Add(1) == requests {
			cancel()
		}
	}))
	defer server.Close()
	report := Run(ctx, server.URL, time.Millisecond)
	if sent := served.Load(); int64(report.Requests) != sent {
		t.Errorf("%d requests reported, %d served", report.Requests, sent)
	}
	return report
}

func TestAHealthyServerFailsNoRequest(t *testing.T) {
	report := runUntil(t, 50, func(http.ResponseWriter, *http.Request) {})
	if report.Requests < 50 || report.Failed != 0 || report.FirstFailure != nil {
		t.Fatalf("got %+v", report)
	}
}

func TestAStatusOtherThanSuccessIsAFailure(t *testing.T) {
	var number atomic.Int64
	report := runUntil(t, 50, func(response http.ResponseWriter, _ *http.Request) {
		if number.Add(1) == 7 {
			http.Error(response, "not today", http.StatusServiceUnavailable)
		}
	})
	if report.Failed != 1 || report.FirstFailure == nil || !strings.HasSuffix(*report.FirstFailure, "status 503: not today\n") {
		t.Fatalf("got %+v", report)
	}
}

func TestABodyThatBreaksOffIsAFailure(t *testing.T) {
	var number atomic.Int64
	report := runUntil(t, 50, func(response http.ResponseWriter, _ *http.Request) {
		if number.Add(1) == 7 {
			response.Header().Set("Content-Length", "100")
			_, _ = response.Write([]byte("half"))
		}
	})
	if report.Failed != 1 {
		t.Fatalf("got %+v", report)
	}
}

func TestAClosedPortIsAFailure(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	closed.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	report := Run(ctx, "http://"+address, time.Millisecond)
	if report.Requests == 0 || report.Failed != report.Requests {
		t.Fatalf("got %+v", report)
	}
}

func TestEveryOtherRequestOpensAConnection(t *testing.T) {
	var closing, keeping atomic.Int64
	runUntil(t, 50, func(_ http.ResponseWriter, request *http.Request) {
		if request.Close {
			closing.Add(1)
		} else {
			keeping.Add(1)
		}
	})
	if difference := closing.Load() - keeping.Load(); difference < -1 || difference > 1 {
		t.Fatalf("%d requests of their own connection, %d on a kept one", closing.Load(), keeping.Load())
	}
}

func TestARequestUnderWayAtTheEndIsAwaited(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	server := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, _ *http.Request) {
		cancel()
		time.Sleep(50 * time.Millisecond) // not a wait for anything: the length of the request
		response.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	if report := Run(ctx, server.URL, time.Minute); report != (Report{Requests: 1}) {
		t.Fatalf("got %+v", report)
	}
}
