// Package load is a client that asks one URL again and again and counts what went wrong: the proof that a rollout loses no request. Each request
// is due at its tick, whether the earlier ones have been answered or not, and every other one opens a connection of its own,
// as a kept one hides that a Service sends new connections to a pod that has gone.
package load

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	// requestTimeout is when an unanswered request counts as failed.
	requestTimeout = 5 * time.Second
	// mostAtOnce bounds the requests in flight: at 50 a second all time out before the bound is met, so that it only guards a shorter interval.
	mostAtOnce = 512
)

// Report is what was seen.
type Report struct {
	// Requests were sent and answered, or failed.
	Requests int `json:"requests"`
	// Failed had no answer in 5 s, a broken connection, or a status other than 2xx.
	Failed int `json:"failed"`
	// FirstFailure is when and why the first of them failed; null where none did.
	FirstFailure *string `json:"first_failure"`
}

// Run asks url once in each interval until ctx ends. Requests that are under way then are awaited, not cut off.
func Run(ctx context.Context, url string, interval time.Duration) Report {
	kept := client(false)
	fresh := client(true)
	defer kept.CloseIdleConnections()
	clients := [2]*http.Client{fresh, kept}

	var record recorder
	var flying sync.WaitGroup
	places := make(chan struct{}, mostAtOnce)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for number := 0; ctx.Err() == nil; number++ {
		places <- struct{}{}
		flying.Go(func() {
			defer func() { <-places }()
			record.add(ask(clients[number%len(clients)], url))
		})
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	flying.Wait()
	return record.report
}

// client makes one with a transport of its own. Go sends a GET a second time when a kept connection was closed under it before
// the first byte of an answer, as all its users see it; a fresh connection has no such second chance.
func client(fresh bool) *http.Client {
	transport := &http.Transport{DisableKeepAlives: fresh, MaxIdleConnsPerHost: mostAtOnce}
	refuseRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: transport, Timeout: requestTimeout, CheckRedirect: refuseRedirect}
}

func ask(client *http.Client, url string) error {
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	// A body that breaks off is a failed request, too.
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("status %d: %.200s", response.StatusCode, body)
	}
	return nil
}

// recorder gathers the outcomes of requests that end in any order.
type recorder struct {
	guard  sync.Mutex
	report Report
}

func (r *recorder) add(err error) {
	r.guard.Lock()
	defer r.guard.Unlock()
	r.report.Requests++
	if err == nil {
		return
	}
	r.report.Failed++
	if r.report.FirstFailure == nil {
		first := fmt.Sprintf("%s %v", time.Now().UTC().Format(time.RFC3339Nano), err)
		r.report.FirstFailure = &first
	}
}
