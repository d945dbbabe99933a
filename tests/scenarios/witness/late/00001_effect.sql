-- One transaction: what does not reach its end leaves nothing behind but what the witness wrote down.

-- +goose Up
SELECT witness.write('begin');
CREATE TABLE effect (done integer);
INSERT INTO effect VALUES (1);
SELECT witness.hold();
SELECT witness.write('end');

-- +goose Down
DROP TABLE effect;
