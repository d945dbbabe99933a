// Package store is the only part that talks to PostgreSQL. It names the columns that release 1.0.0 knows and reads later ones
// through to_jsonb, so that it goes on working beside a newer release whose migrations have already run. Its errors say
// what a caller can do about them and never carry a row's values.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"slipway.dev/apps/orders/internal/settings"
)

// What an error of this package is, for errors.Is. Anything else is a fault of this program.
var (
	// ErrNotFound: there is no such row.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the database refused the values, as a unique or foreign key stands against them.
	ErrConflict = errors.New("in conflict with what the database holds")
	// ErrInvalid: the database refused the values by a check of its own.
	ErrInvalid = errors.New("refused by a rule of the database")
	// ErrSchema: a table or column that this release needs is not there.
	ErrSchema = errors.New("the schema is older than this release needs")
	// ErrUnavailable: the database does not answer, or not in time.
	ErrUnavailable = errors.New("the database does not answer")
)

// connectTimeout ends a connection attempt to a host that swallows packets. Shorter than a client's patience; PGCONNECT_TIMEOUT overrides it.
const connectTimeout = 3 * time.Second

// Store holds the pool of connections.
type Store struct {
	pool *sql.DB
}

// Open makes the pool from the PG* variables, which pgx reads by itself. It does not connect: a database that is away is met, and met
// again, by each request.
func Open(pool settings.Pool) (*Store, error) {
	config, err := pgx.ParseConfig("")
	if err != nil {
		return nil, fmt.Errorf("reading the PG* variables: %w", err)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	database := stdlib.OpenDB(*config)
	database.SetMaxOpenConns(pool.MaxOpen)
	database.SetMaxIdleConns(pool.MaxIdle)
	database.SetConnMaxLifetime(pool.MaxLifetime)
	return &Store{pool: database}, nil
}

// Close closes all connections, after the last request.
func (s *Store) Close() error {
	return s.pool.Close()
}

// Ping asks whether the database answers now.
func (s *Store) Ping(ctx context.Context) error {
	return classify(s.pool.PingContext(ctx))
}

// classify gives err the meaning a caller can act on. PostgreSQL's detail, which quotes rows, stays behind.
func classify(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return fmt.Errorf("%w (SQLSTATE %s)", meaning(refused.Code), refused.Code)
}

// meaning maps a SQLSTATE, by its class where the whole class means one thing.
func meaning(code string) error {
	switch {
	case code == "23505" || code == "23503":
		return ErrConflict
	case strings.HasPrefix(code, "23") || strings.HasPrefix(code, "22"):
		return ErrInvalid
	case code == "42P01" || code == "42703":
		return ErrSchema
	// Connection, authorization, resources, operator intervention, a database that is not there.
	case strings.HasPrefix(code, "08"), strings.HasPrefix(code, "28"), strings.HasPrefix(code, "53"), strings.HasPrefix(code, "57"), code == "3D000":
		return ErrUnavailable
	default:
		return errors.New("the database refused the statement")
	}
}
