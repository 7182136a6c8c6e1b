CREATE TABLE loaf (loaf_id INTEGER PRIMARY KEY, name TEXT, flour TEXT, price REAL, weight INTEGER);
CREATE TABLE shop (shop_id INTEGER PRIMARY KEY, city TEXT, opened INTEGER, value INTEGER);
CREATE TABLE sale (sale_id INTEGER PRIMARY KEY, loaf_id INTEGER REFERENCES loaf(loaf_id), shop_id INTEGER REFERENCES shop(shop_id), amount INTEGER, sold_on TEXT);
CREATE TABLE memo (memo_id INTEGER PRIMARY KEY, body TEXT, extra BLOB);
INSERT INTO loaf VALUES (1, 'Rye', 'rye', 3.5, 750), (2, 'Baguette', 'wheat', 1.0, 250), (3, 'Spelt', 'spelt', 4.0, 1000), (4, 'Brioche', 'wheat', 2.0, 400), (5, 'Ciabatta', 'wheat', 2, NULL), (6, 'distinct loaf', 'rye', NULL, 10), (7, 'value pack', 'rye', 10, 1);
INSERT INTO shop VALUES (1, 'Oslo', 1999, 10), (2, 'Porto', 2020, 20), (3, 'Oslo', 2005, 20), (4, 'Łódź', 2011, NULL);
INSERT INTO sale VALUES (1, 1, 1, 3, '2024-01-02'), (2, 2, 1, 10, '2024-01-02'), (3, 2, 2, 10, '2024-01-03'), (4, 3, 3, 1, '2024-02-01'), (5, 4, 3, 3, '2024-02-01'), (6, 1, 2, 3, NULL), (7, 2, 4, 1, '2023-12-31');
INSERT INTO memo VALUES (1, 'ok', x'00ff'), (2, CAST(x'c328' AS TEXT), NULL), (3, 'a > = b', NULL), (4, 'it''s', NULL);
