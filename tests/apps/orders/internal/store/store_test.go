// Tests of what a database error means to a caller, without a database; and, where PGHOST is set to a throw-away one that holds
// the migrated schema, of the statements themselves.
package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"slipway.dev/apps/orders/internal/settings"
)

func TestAnErrorSaysWhatACallerCanDo(t *testing.T) {
	for _, known := range []struct {
		cause error
		want  error
	}{
		{sql.ErrNoRows, ErrNotFound},
		{&pgconn.PgError{Code: "23505"}, ErrConflict},
		{&pgconn.PgError{Code: "23503"}, ErrConflict},
		{&pgconn.PgError{Code: "23514"}, ErrInvalid},
		{&pgconn.PgError{Code: "22003"}, ErrInvalid},
		{&pgconn.PgError{Code: "42P01"}, ErrSchema},
		{&pgconn.PgError{Code: "42703"}, ErrSchema},
		{&pgconn.PgError{Code: "57P01"}, ErrUnavailable},
		{&pgconn.PgError{Code: "53300"}, ErrUnavailable},
		{&pgconn.PgError{Code: "28P01"}, ErrUnavailable},
		{context.DeadlineExceeded, ErrUnavailable},
	} {
		if got := classify(known.cause); !errors.Is(got, known.want) {
			t.Errorf("%v: got %v, want %v", known.cause, got, known.want)
		}
	}
	if got := classify(nil); got != nil {
		t.Errorf("no error became %v", got)
	}
}

func TestAnErrorCarriesNoRowValue(t *testing.T) {
	refused := &pgconn.PgError{
		Code:    "22P02",
		Message: `invalid input syntax for type integer: "canary"`,
		Detail:  "Key (email)=(canary) already exists.",
	}
	if got := classify(refused).Error(); strings.Contains(got, "canary") {
		t.Fatalf("a row's value is in the error: %s", got)
	}
}

func TestOpeningDoesNotNeedTheDatabase(t *testing.T) {
	t.Setenv("PGHOST", "127.0.0.1")
	t.Setenv("PGPORT", "1")
	store, err := Open(settings.Pool{MaxOpen: 2, MaxIdle: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.Ping(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("got %v, want %v", err, ErrUnavailable)
	}
}

func TestAnOrderIsCreatedReadChangedAndDeleted(t *testing.T) {
	store := migrated(t)
	ctx := t.Context()
	created, err := store.CreateOrder(ctx, Draft{Item: "rope", Quantity: 3})
	if err != nil {
		t.Fatal(err)
	}
	if created.Item != "rope" || created.Quantity != 3 || created.CustomerID != nil || time.Since(created.CreatedAt) > time.Hour {
		t.Fatalf("created %+v", created)
	}
	changed, err := store.UpdateOrder(ctx, created.ID, Draft{Item: "rope", Quantity: 4})
	if err != nil {
		t.Fatal(err)
	}
	read, err := store.Order(ctx, created.ID)
	if err != nil {
		t.Fatal(err)
	}
	if read.Quantity != 4 || read.ID != changed.ID || !read.CreatedAt.Equal(created.CreatedAt) {
		t.Fatalf("read %+v after changing it to %+v", read, changed)
	}
	if err := store.DeleteOrder(ctx, created.ID); err != nil {
		t.Fatal(err)
	}
	if err := store.DeleteOrder(ctx, created.ID); !errors.Is(err, ErrNotFound) {
		t.Fatalf("deleting it twice: %v", err)
	}
}

func TestAnOrderOfAnUnknownCustomerIsAConflict(t *testing.T) {
	nobody := int64(1 << 40)
	if _, err := migrated(t).CreateOrder(t.Context(), Draft{Item: "rope", Quantity: 1, CustomerID: &nobody}); !errors.Is(err, ErrConflict) {
		t.Fatalf("got %v, want %v", err, ErrConflict)
	}
}

func TestTheSchemaIsProvedByItsSeed(t *testing.T) {
	schema, err := migrated(t).Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if schema.Version < 2 || schema.Seed != "first order" {
		t.Fatalf("got %+v", schema)
	}
}

func TestCustomersAreListedWithAndWithoutTheLaterColumn(t *testing.T) {
	store := migrated(t)
	schema, err := store.Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	customers, err := store.Customers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(customers) == 0 {
		t.Fatal("no customer was seeded")
	}
	if hasTier := customers[0].Tier != nil; hasTier != (schema.Version >= 3) {
		t.Fatalf("at version %d a customer reads %+v", schema.Version, customers[0])
	}
}

// migrated opens the database that the PG* variables name, or skips: there is none on a developer's bare machine.
func migrated(t *testing.T) *Store {
	t.Helper()
	if os.Getenv("PGHOST") == "" {
		t.Skip("needs PGHOST and the other PG* variables of a migrated throw-away database")
	}
	store, err := Open(settings.Pool{MaxOpen: 2, MaxIdle: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}
