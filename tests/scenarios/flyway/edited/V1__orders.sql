CREATE TABLE orders (id int);
-- A word that was not there when it ran.
