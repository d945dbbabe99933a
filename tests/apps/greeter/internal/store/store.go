// Package store is the only part that talks to PostgreSQL: the table of greetings, and whether the database answers.
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

	"slipway.dev/apps/greeter/internal/settings"
)

// What an error of this package is, for errors.Is. Anything else is a fault of this program.
var (
	// ErrNotFound: no greeting is kept in this language.
	ErrNotFound = errors.New("no greeting in this language")
	// ErrSchema: the table of greetings is not there.
	ErrSchema = errors.New("the schema is older than this release needs")
	// ErrUnavailable: the database does not answer, or not in time.
	ErrUnavailable = errors.New("the database does not answer")
)

// connectTimeout ends a connection attempt to a host that swallows packets. PGCONNECT_TIMEOUT overrides it.
const connectTimeout = 3 * time.Second

// Greeting is one row of greetings.
type Greeting struct {
	Language   string
	Salutation string
}

// Store holds the pool of connections.
type Store struct {
	pool *sql.DB
}

// Open makes the pool from the PG* variables, which pgx reads by itself. It does not connect.
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

// Salutation reads the word that comes before the name in this language.
func (s *Store) Salutation(ctx context.Context, language string) (string, error) {
	var salutation string
	err := s.pool.QueryRowContext(ctx, `SELECT salutation FROM greetings WHERE language = $1`, language).Scan(&salutation)
	return salutation, classify(err)
}

// Greetings lists all greetings, ordered by language.
func (s *Store) Greetings(ctx context.Context) ([]Greeting, error) {
	rows, err := s.pool.QueryContext(ctx, `SELECT language, salutation FROM greetings ORDER BY language`)
	if err != nil {
		return nil, classify(err)
	}
	defer rows.Close()
	var found []Greeting
	for rows.Next() {
		var greeting Greeting
		if err := rows.Scan(&greeting.Language, &greeting.Salutation); err != nil {
			return nil, classify(err)
		}
		found = append(found, greeting)
	}
	return found, classify(rows.Err())
}

// classify gives err the meaning a caller can act on. PostgreSQL's own text, which may quote values, stays behind.
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

func meaning(code string) error {
	switch {
	case code == "42P01" || code == "42703":
		return ErrSchema
	// Text that no column can hold, such as a NUL, is nowhere in the table either.
	case strings.HasPrefix(code, "22"):
		return ErrNotFound
	// Connection, authorization, resources, operator intervention, a database that is not there.
	case strings.HasPrefix(code, "08"), strings.HasPrefix(code, "28"), strings.HasPrefix(code, "53"), strings.HasPrefix(code, "57"), code == "3D000":
		return ErrUnavailable
	default:
		return errors.New("the database refused the statement")
	}
}
