// The table customers, which migration 2 brings; read only.
package store

import "context"

// Customer is one row of customers.
type Customer struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
	// Tier comes with the mended migration 3; absent where the schema does not have it.
	Tier *string `json:"tier,omitempty"`
}

// Customers lists the oldest customers, 1000 at the most.
func (s *Store) Customers(ctx context.Context) ([]Customer, error) {
	const statement = `SELECT id, name, email, to_jsonb(customers)->>'tier' FROM customers ORDER BY id LIMIT $1`
	rows, err := s.pool.QueryContext(ctx, statement, mostRows)
	if err != nil {
		return nil, classify(err)
	}
	return collect(rows, func(row scanner) (Customer, error) {
		var customer Customer
		err := row.Scan(&customer.ID, &customer.Name, &customer.Email, &customer.Tier)
		return customer, err
	})
}
