// Package api is the HTTP side of the service: routes, JSON, and which status an error of the store is. It holds no state but the store,
// which is an interface here so that the tests of the routes need no database.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"slipway.dev/apps/orders/internal/store"
)

// Store is what the routes need from the database.
type Store interface {
	Ping(ctx context.Context) error
	Schema(ctx context.Context) (store.Schema, error)
	Customers(ctx context.Context) ([]store.Customer, error)
	Orders(ctx context.Context) ([]store.Order, error)
	Order(ctx context.Context, id int64) (store.Order, error)
	CreateOrder(ctx context.Context, draft store.Draft) (store.Order, error)
	UpdateOrder(ctx context.Context, id int64, draft store.Draft) (store.Order, error)
	DeleteOrder(ctx context.Context, id int64) error
}

const (
	// requestTimeout ends a request's work with the database. Longer than a connection attempt (3 s), shorter than a client's patience.
	requestTimeout = 5 * time.Second
	// readyTimeout ends a readiness check. Shorter than the probe's own time-out, Slipway's default being 2 s, so that the probe sees the reason.
	readyTimeout = 1500 * time.Millisecond
	// largestBody bounds what a client may send. Bytes; an order is far smaller.
	largestBody = 64 << 10
)

// api serves the routes.
type api struct {
	store   Store
	version string
	log     *slog.Logger
}

// New makes the handler of all routes.
func New(database Store, version string, log *slog.Logger) http.Handler {
	served := &api{store: database, version: version, log: log}
	routes := http.NewServeMux()
	routes.HandleFunc("GET /livez", served.alive)
	routes.HandleFunc("GET /readyz", served.ready)
	routes.HandleFunc("GET /version", served.showVersion)
	routes.HandleFunc("GET /schema", served.showSchema)
	routes.HandleFunc("GET /customers", served.listCustomers)
	routes.HandleFunc("GET /orders", served.listOrders)
	routes.HandleFunc("POST /orders", served.createOrder)
	routes.HandleFunc("GET /orders/{id}", served.getOrder)
	routes.HandleFunc("PUT /orders/{id}", served.updateOrder)
	routes.HandleFunc("DELETE /orders/{id}", served.deleteOrder)
	return routes
}

// problem is the body of every answer that is not a success.
type problem struct {
	Error string `json:"error"`
}

// answer writes value as JSON. A client that has gone is not our failure, so the write's own error is dropped.
func answer(response http.ResponseWriter, status int, value any) {
	response.Header().Set("Content-Type", "application/json")
	response.WriteHeader(status)
	_ = json.NewEncoder(response).Encode(value)
}

// refuse answers with what err means. Only what is not the client's doing is logged.
func (a *api) refuse(response http.ResponseWriter, request *http.Request, err error) {
	status := statusOf(err)
	if status < http.StatusInternalServerError {
		answer(response, status, problem{Error: err.Error()})
		return
	}
	a.log.Error("request failed", "method", request.Method, "path", request.URL.Path, "status", status, "error", err)
	answer(response, status, problem{Error: publicText(err)})
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, errBadRequest), errors.Is(err, store.ErrInvalid):
		return http.StatusBadRequest
	case errors.Is(err, store.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, store.ErrConflict):
		return http.StatusConflict
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrSchema):
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// publicText leaves out addresses and user names, which stand in the text of a failed connection.
func publicText(err error) string {
	switch {
	case errors.Is(err, store.ErrSchema):
		return store.ErrSchema.Error()
	case errors.Is(err, store.ErrUnavailable):
		return store.ErrUnavailable.Error()
	default:
		return "internal error"
	}
}
