// The table orders: create, list, read, change and delete one.
package store

import (
	"context"
	"database/sql"
	"time"
)

// Order is one row of orders.
type Order struct {
	ID       int64  `json:"id"`
	Item     string `json:"item"`
	Quantity int    `json:"quantity"`
	// CustomerID is the customer's id; absent where an order has none or the schema has no customers yet.
	CustomerID *int64    `json:"customerId,omitempty"`
	CreatedAt  time.Time `json:"createdAt"`
}

// Draft is what a client may say about an order. The customer counts at creation only: an order does not change hands.
type Draft struct {
	Item       string `json:"item"`
	Quantity   int    `json:"quantity"`
	CustomerID *int64 `json:"customerId,omitempty"`
}

// orderColumns reads the customer through to_jsonb, as its column comes with migration 2 only.
const orderColumns = `orders.id, orders.item, orders.quantity, (to_jsonb(orders)->>'customer_id')::bigint, orders.created_at`

// mostRows bounds a list, so that a request to a table that has grown costs no more than this.
const mostRows = 1000

// Orders lists the oldest orders, 1000 at the most.
func (s *Store) Orders(ctx context.Context) ([]Order, error) {
	rows, err := s.pool.QueryContext(ctx, `SELECT `+orderColumns+` FROM orders ORDER BY id LIMIT $1`, mostRows)
	if err != nil {
		return nil, classify(err)
	}
	return collect(rows, scanOrder)
}

// Order reads the one with this id.
func (s *Store) Order(ctx context.Context, id int64) (Order, error) {
	return one(s.pool.QueryRowContext(ctx, `SELECT `+orderColumns+` FROM orders WHERE id = $1`, id))
}

// CreateOrder adds an order. The customer's column is named only where there is a customer, so that it also works before migration 2.
func (s *Store) CreateOrder(ctx context.Context, draft Draft) (Order, error) {
	if draft.CustomerID == nil {
		const statement = `INSERT INTO orders (item, quantity) VALUES ($1, $2) RETURNING ` + orderColumns
		return one(s.pool.QueryRowContext(ctx, statement, draft.Item, draft.Quantity))
	}
	const statement = `INSERT INTO orders (item, quantity, customer_id) VALUES ($1, $2, $3) RETURNING ` + orderColumns
	return one(s.pool.QueryRowContext(ctx, statement, draft.Item, draft.Quantity, *draft.CustomerID))
}

// UpdateOrder sets item and quantity of the order with this id.
func (s *Store) UpdateOrder(ctx context.Context, id int64, draft Draft) (Order, error) {
	const statement = `UPDATE orders SET item = $2, quantity = $3 WHERE id = $1 RETURNING ` + orderColumns
	return one(s.pool.QueryRowContext(ctx, statement, id, draft.Item, draft.Quantity))
}

// DeleteOrder removes the order with this id.
func (s *Store) DeleteOrder(ctx context.Context, id int64) error {
	result, err := s.pool.ExecContext(ctx, `DELETE FROM orders WHERE id = $1`, id)
	if err != nil {
		return classify(err)
	}
	deleted, err := result.RowsAffected()
	if err != nil {
		return classify(err)
	}
	if deleted == 0 {
		return ErrNotFound
	}
	return nil
}

// scanner is a row, alone or of many.
type scanner interface {
	Scan(destinations ...any) error
}

func one(row *sql.Row) (Order, error) {
	order, err := scanOrder(row)
	return order, classify(err)
}

func scanOrder(row scanner) (Order, error) {
	var order Order
	err := row.Scan(&order.ID, &order.Item, &order.Quantity, &order.CustomerID, &order.CreatedAt)
	return order, err
}

// collect reads all rows and closes them. An empty result is an empty list, which JSON shows as [] and not as null.
func collect[T any](rows *sql.Rows, scan func(scanner) (T, error)) ([]T, error) {
	defer rows.Close()
	found := []T{}
	for rows.Next() {
		next, err := scan(rows)
		if err != nil {
			return nil, classify(err)
		}
		found = append(found, next)
	}
	return found, classify(rows.Err())
}
