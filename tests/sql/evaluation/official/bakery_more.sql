CREATE TABLE loaf (loaf_id INTEGER PRIMARY KEY, name TEXT, flour TEXT, price REAL, weight INTEGER);
CREATE TABLE shop (shop_id INTEGER PRIMARY KEY, city TEXT, opened INTEGER, value INTEGER);
CREATE TABLE sale (sale_id INTEGER PRIMARY KEY, loaf_id INTEGER REFERENCES loaf(loaf_id), shop_id INTEGER REFERENCES shop(shop_id), amount INTEGER, sold_on TEXT);
CREATE TABLE memo (memo_id INTEGER PRIMARY KEY, body TEXT, extra BLOB);
INSERT INTO loaf VALUES (1, 'Rye', 'rye', 9.5, 75), (2, 'Baguette', 'rye', 1.5, 250), (3, 'Spelt', 'spelt', 1.5, 100), (8, 'Naan', 'wheat', 2.0, 900);
INSERT INTO shop VALUES (1, 'Oslo', 2021, 1), (2, 'Oslo', 2020, 1), (5, 'Graz', 1980, 7);
INSERT INTO sale VALUES (1, 1, 5, 2, '2024-01-02'), (2, 8, 1, 1, '2024-05-02'), (3, 8, 2, 4, '2024-05-02'), (4, 3, 2, 4, NULL);
INSERT INTO memo VALUES (1, 'only', NULL);
