// Tests of the routes over a store in memory: statuses, bodies, and that nothing of a failed connection leaks to a client.
package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"slipway.dev/apps/orders/internal/store"
)

// memory is a store that holds orders in a map. A failure set in it is the answer of every call.
type memory struct {
	failure   error
	orders    map[int64]store.Order
	customers []store.Customer
}

var created = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

func newMemory() *memory {
	return &memory{orders: map[int64]store.Order{1: {ID: 1, Item: "first order", Quantity: 1, CreatedAt: created}}}
}

func (m *memory) Ping(context.Context) error { return m.failure }

func (m *memory) Schema(context.Context) (store.Schema, error) {
	return store.Schema{Version: 2, Seed: "first order"}, m.failure
}

func (m *memory) Customers(context.Context) ([]store.Customer, error) { return m.customers, m.failure }

func (m *memory) Orders(context.Context) ([]store.Order, error) {
	found := []store.Order{}
	for id := int64(1); id <= int64(len(m.orders)); id++ {
		found = append(found, m.orders[id])
	}
	return found, m.failure
}

func (m *memory) Order(_ context.Context, id int64) (store.Order, error) {
	if m.failure != nil {
		return store.Order{}, m.failure
	}
	order, found := m.orders[id]
	if !found {
		return order, store.ErrNotFound
	}
	return order, nil
}

func (m *memory) CreateOrder(ctx context.Context, draft store.Draft) (store.Order, error) {
	id := int64(len(m.orders) + 1)
	m.orders[id] = store.Order{ID: id, Item: draft.Item, Quantity: draft.Quantity, CustomerID: draft.CustomerID, CreatedAt: created}
	return m.Order(ctx, id)
}

func (m *memory) UpdateOrder(ctx context.Context, id int64, draft store.Draft) (store.Order, error) {
	order, err := m.Order(ctx, id)
	if err != nil {
		return order, err
	}
	order.Item, order.Quantity = draft.Item, draft.Quantity
	m.orders[id] = order
	return order, nil
}

func (m *memory) DeleteOrder(ctx context.Context, id int64) error {
	_, err := m.Order(ctx, id)
	delete(m.orders, id)
	return err
}

// ask sends one request and gives status and body as one text.
func ask(database Store, method, path, body string) string {
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	recorded := httptest.NewRecorder()
	New(database, "1.0.0", slog.New(slog.DiscardHandler)).ServeHTTP(recorded, request)
	return strings.TrimSpace(fmt.Sprintf("%d %s", recorded.Code, recorded.Body))
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAnOrderIsCreatedReadChangedAndDeleted(t *testing.T) {
	database := newMemory()
	const second = `{"id":2,"item":"rope","quantity":3,"customerId":7,"createdAt":"2026-07-01T12:00:00Z"}`
	expect(t, ask(database, "POST", "/orders", `{"item":"rope","quantity":3,"customerId":7}`), "201 "+second)
	expect(t, ask(database, "GET", "/orders/2", ""), "200 "+second)
	expect(t, ask(database, "GET", "/orders", ""),
		`200 {"orders":[{"id":1,"item":"first order","quantity":1,"createdAt":"2026-07-01T12:00:00Z"},`+second+`]}`)
	expect(t, ask(database, "PUT", "/orders/1", `{"item":"last order","quantity":9}`),
		`200 {"id":1,"item":"last order","quantity":9,"createdAt":"2026-07-01T12:00:00Z"}`)
	expect(t, ask(database, "DELETE", "/orders/2", ""), "204")
	expect(t, ask(database, "DELETE", "/orders/2", ""), `404 {"error":"not found"}`)
}

func TestAWrongOrderIsRefusedWithItsFault(t *testing.T) {
	for body, want := range map[string]string{
		`{"item":" ","quantity":3}`:             `400 {"error":"bad request: item is empty"}`,
		`{"item":"rope","quantity":0}`:          `400 {"error":"bad request: quantity is not within 1 and 2147483647"}`,
		`{"item":"rope","quantity":2147483648}`: `400 {"error":"bad request: quantity is not within 1 and 2147483647"}`,
		`{"item":"rope","quantity":1,"x":""}`:   `400 {"error":"bad request: want an object with item, quantity and, where there is one, customerId"}`,
		``:                                      `400 {"error":"bad request: want an object with item, quantity and, where there is one, customerId"}`,
	} {
		expect(t, ask(newMemory(), "POST", "/orders", body), want)
	}
	expect(t, ask(newMemory(), "GET", "/orders/first", ""), `400 {"error":"bad request: the id of an order is a whole number of at least 1"}`)
}

func TestACustomerShowsItsTierOnlyWhereTheSchemaHasOne(t *testing.T) {
	database := newMemory()
	tier := "standard"
	database.customers = []store.Customer{{ID: 1, Name: "Ada", Email: "a@b.example"}, {ID: 2, Name: "Grace", Email: "g@b.example", Tier: &tier}}
	expect(t, ask(database, "GET", "/customers", ""),
		`200 {"customers":[{"id":1,"name":"Ada","email":"a@b.example"},{"id":2,"name":"Grace","email":"g@b.example","tier":"standard"}]}`)
}

func TestReadyMeansThatTheDatabaseAnswersAndAliveDoesNot(t *testing.T) {
	database := newMemory()
	expect(t, ask(database, "GET", "/readyz", ""), `200 {"ready":true}`)
	database.failure = fmt.Errorf("%w: dial tcp 10.0.0.7:5432, user canary", store.ErrUnavailable)
	expect(t, ask(database, "GET", "/readyz", ""), `503 {"error":"the database does not answer","ready":false}`)
	expect(t, ask(database, "GET", "/livez", ""), `200 {"alive":true}`)
}

func TestAFailedConnectionLeaksNothingToAClient(t *testing.T) {
	database := newMemory()
	database.failure = fmt.Errorf("%w: dial tcp 10.0.0.7:5432, user canary", store.ErrUnavailable)
	for _, path := range []string{"/orders", "/orders/1", "/customers", "/schema"} {
		expect(t, ask(database, "GET", path, ""), `503 {"error":"the database does not answer"}`)
	}
}

func TestAnOlderSchemaIsSaidToBeOne(t *testing.T) {
	database := newMemory()
	database.failure = fmt.Errorf("%w (SQLSTATE 42P01)", store.ErrSchema)
	expect(t, ask(database, "GET", "/schema", ""), `503 {"error":"the schema is older than this release needs"}`)
}

func TestVersionAndSchemaAreShown(t *testing.T) {
	expect(t, ask(newMemory(), "GET", "/version", ""), `200 {"version":"1.0.0"}`)
	expect(t, ask(newMemory(), "GET", "/schema", ""), `200 {"version":2,"seed":"first order"}`)
}

func TestAnotherMethodOrPathIsRefused(t *testing.T) {
	if got := ask(newMemory(), http.MethodPatch, "/orders/1", ""); !strings.HasPrefix(got, "405 ") {
		t.Errorf("PATCH: %s", got)
	}
	if got := ask(newMemory(), http.MethodGet, "/nothing", ""); !strings.HasPrefix(got, "404 ") {
		t.Errorf("unknown path: %s", got)
	}
}
