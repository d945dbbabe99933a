// What the migrations left in the database: goose's version, and the row that the first of them seeds.
package store

import "context"

// Schema is the proof that migrations ran.
type Schema struct {
	// Version is the highest that goose lists as applied.
	Version int64 `json:"version"`
	// Seed is the item of the order that migration 1 inserts.
	Seed string `json:"seed"`
}

// Schema reads both in one statement. ErrSchema before migration 1, ErrNotFound once someone deleted the seeded order.
func (s *Store) Schema(ctx context.Context) (Schema, error) {
	const statement = `SELECT (SELECT max(version_id) FROM goose_db_version WHERE is_applied), item FROM orders WHERE id = 1`
	var schema Schema
	err := s.pool.QueryRowContext(ctx, statement).Scan(&schema.Version, &schema.Seed)
	return schema, classify(err)
}
