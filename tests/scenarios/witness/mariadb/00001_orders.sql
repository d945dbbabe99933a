-- +goose Up
CREATE TABLE witness (at int AUTO_INCREMENT PRIMARY KEY, what text);
INSERT INTO witness (what) VALUES ('begin');
CREATE TABLE orders (id int PRIMARY KEY);
INSERT INTO witness (what) VALUES ('end');
