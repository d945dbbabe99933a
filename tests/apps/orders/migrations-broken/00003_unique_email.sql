-- One customer per email, and a tier for each. Broken on purpose: two seeded customers share an email, so that the index on
-- line 7 is refused with SQLSTATE 23505 and the transaction takes the new column back with it.

-- +goose Up
ALTER TABLE customers ADD COLUMN tier text NOT NULL DEFAULT 'standard';

CREATE UNIQUE INDEX customers_email ON customers (email);

-- +goose Down
DROP INDEX customers_email;
ALTER TABLE customers DROP COLUMN tier;
