-- The second half of what 3 began: code from before it knows no tier, so the column came with a default. Once none of its pods is left, the
-- default goes, and a customer whose tier nobody has chosen is refused.

-- +goose Up
ALTER TABLE customers ALTER COLUMN tier DROP DEFAULT;

-- +goose Down
ALTER TABLE customers ALTER COLUMN tier SET DEFAULT 'standard';
