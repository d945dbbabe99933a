-- +goose NO TRANSACTION
-- Statement by statement: what does not reach its end leaves its first half behind.

-- +goose Up
SELECT witness.write('begin');
CREATE TABLE effect (done integer);
INSERT INTO effect VALUES (1);
SELECT witness.hold();
SELECT witness.write('end');

-- +goose Down
DROP TABLE effect;
