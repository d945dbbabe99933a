-- What somebody else brings who does not know of 2.

-- +goose Up
SELECT witness.write('begin');
SELECT witness.write('end');

-- +goose Down
SELECT 1;
