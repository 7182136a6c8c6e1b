-- A sample database, and the role that the service connects as: it may read these tables and do nothing else.
CREATE TABLE city (name text PRIMARY KEY, country text NOT NULL, population integer);
CREATE TABLE customer (
    customer_id integer PRIMARY KEY, name text NOT NULL, city_name text REFERENCES city (name));
CREATE TABLE orders (
    order_id integer PRIMARY KEY, customer_id integer NOT NULL REFERENCES customer (customer_id),
    ordered_on date NOT NULL, amount numeric(10, 2) NOT NULL);
COMMENT ON COLUMN orders.amount IS 'in euros, taxes included';
INSERT INTO city VALUES
    ('São Paulo', 'Brazil', 12300000), ('Paris', 'France', 2100000), ('Lyon', 'France', 520000),
    ('Łódź', 'Poland', 670000), ('Springfield', 'USA', 116000);
INSERT INTO customer VALUES (1, 'Café Amber', 'Paris'), (2, 'Kite Roastery', 'São Paulo'), (3, 'Old Mill', 'Łódź');
INSERT INTO orders VALUES (1, 1, '2026-03-01', 120.50), (2, 1, '2026-04-11', 80.00), (3, 2, '2026-04-12', 310.00);

REVOKE ALL ON DATABASE shop FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
CREATE ROLE reader LOGIN PASSWORD :'password';
GRANT CONNECT ON DATABASE shop TO reader;
GRANT USAGE ON SCHEMA public TO reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
