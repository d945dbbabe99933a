CREATE TABLE customers (id int);
CREATE TABEL notes (id int);
