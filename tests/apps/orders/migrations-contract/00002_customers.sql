-- Customers, and the one an order may belong to. Nothing keeps two customers from sharing an email here, and two of the
-- seeded ones do: that is what a later release finds out.

-- +goose Up
CREATE TABLE customers (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name  text NOT NULL CHECK (name <> ''),
    email text NOT NULL
);

ALTER TABLE orders ADD COLUMN customer_id bigint REFERENCES customers (id);

INSERT INTO customers (name, email) VALUES
    ('Ada', 'ada@customers.example'),
    ('Grace', 'grace@customers.example'),
    ('Ada again', 'ada@customers.example');

-- The seeded order belongs to the later of the two that share an email, so that joining them has something to keep.
UPDATE orders SET customer_id = (SELECT id FROM customers WHERE name = 'Ada again') WHERE item = 'first order';

-- +goose Down
ALTER TABLE orders DROP COLUMN customer_id;
DROP TABLE customers;
