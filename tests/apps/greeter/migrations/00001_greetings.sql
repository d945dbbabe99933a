-- The greetings, by language. The first one is seeded: only a migrated database can greet.

-- +goose Up
CREATE TABLE greetings (
    language   text PRIMARY KEY,
    salutation text NOT NULL CHECK (salutation <> '')
);

INSERT INTO greetings (language, salutation) VALUES ('en', 'Hello');

-- +goose Down
DROP TABLE greetings;
