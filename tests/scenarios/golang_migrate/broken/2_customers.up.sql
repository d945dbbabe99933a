CREATE TABLE customers (id int);
ALTER TABLE customer ADD name text;
