-- More languages than the first.

-- +goose Up
INSERT INTO greetings (language, salutation) VALUES
    ('de', 'Guten Tag'),
    ('is', 'Halló'),
    ('no', 'Hei');

-- +goose Down
DELETE FROM greetings WHERE language IN ('de', 'is', 'no');
