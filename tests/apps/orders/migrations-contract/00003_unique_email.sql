-- One customer per email, and a tier for each. Customers that share an email become one first: the oldest stays and takes
-- over the orders of the others.

-- +goose Up
ALTER TABLE customers ADD COLUMN tier text NOT NULL DEFAULT 'standard';

UPDATE orders
SET customer_id = kept.id
FROM customers AS dropped
JOIN (SELECT email, min(id) AS id FROM customers GROUP BY email) AS kept ON kept.email = dropped.email
WHERE orders.customer_id = dropped.id AND dropped.id <> kept.id;

DELETE FROM customers
USING (SELECT email, min(id) AS id FROM customers GROUP BY email) AS kept
WHERE customers.email = kept.email AND customers.id <> kept.id;

CREATE UNIQUE INDEX customers_email ON customers (email);

-- +goose Down
DROP INDEX customers_email;
ALTER TABLE customers DROP COLUMN tier;
