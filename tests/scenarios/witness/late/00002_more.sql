-- What a second release brings.

-- +goose Up
SELECT witness.write('begin');
SELECT witness.write('end');

-- +goose Down
SELECT 1;
