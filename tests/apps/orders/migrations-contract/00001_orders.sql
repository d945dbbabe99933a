-- Orders as release 1.0.0 began with them. The seed row is what GET /schema serves: only a migrated database can hold it.

-- +goose Up
CREATE TABLE orders (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    item       text NOT NULL CHECK (item <> ''),
    quantity   integer NOT NULL CHECK (quantity > 0),
    created_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO orders (item, quantity) VALUES ('first order', 1);

-- +goose Down
DROP TABLE orders;
