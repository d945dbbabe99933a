-- Takes away what is not there: the server refuses it.

-- +goose Up
DROP TABLE never_was;

-- +goose Down
SELECT 1;
