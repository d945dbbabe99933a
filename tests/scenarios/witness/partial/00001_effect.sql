-- +goose NO TRANSACTION
-- The server refuses its last statement, and what stands before it stays.

-- +goose Up
SELECT witness.write('begin');
CREATE TABLE effect (done integer);
DROP TABLE never_was;

-- +goose Down
DROP TABLE effect;
