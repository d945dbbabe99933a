// Tests of what a database error means, without a database; and, where PGHOST is set to a throw-away one that holds the migrated
// schema, of the statements.
package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"slipway.dev/apps/greeter/internal/settings"
)

func TestAnErrorSaysWhatACallerCanDo(t *testing.T) {
	for _, known := range []struct {
		cause error
		want  error
	}{
		{sql.ErrNoRows, ErrNotFound},
		{&pgconn.PgError{Code: "22021"}, ErrNotFound},
		{&pgconn.PgError{Code: "42P01"}, ErrSchema},
		{&pgconn.PgError{Code: "57P01"}, ErrUnavailable},
		{&pgconn.PgError{Code: "28P01"}, ErrUnavailable},
		{context.DeadlineExceeded, ErrUnavailable},
	} {
		if got := classify(known.cause); !errors.Is(got, known.want) {
			t.Errorf("%v: got %v, want %v", known.cause, got, known.want)
		}
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

func TestTheSeededGreetingsAreRead(t *testing.T) {
	if os.Getenv("PGHOST") == "" {
		t.Skip("needs PGHOST and the other PG* variables of a migrated throw-away database")
	}
	store, err := Open(settings.Pool{MaxOpen: 2, MaxIdle: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	got, err := store.Greetings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []Greeting{{"de", "Guten Tag"}, {"en", "Hello"}, {"is", "Halló"}, {"no", "Hei"}}
	if !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	if salutation, err := store.Salutation(t.Context(), "no"); err != nil || salutation != "Hei" {
		t.Fatalf("got %q, %v", salutation, err)
	}
	if _, err := store.Salutation(t.Context(), "tlh"); !errors.Is(err, ErrNotFound) {
		t.Fatalf("got %v, want %v", err, ErrNotFound)
	}
}
