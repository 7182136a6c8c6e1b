SELECT q.takes_row FROM (SELECT count(*) FROM customers) AS q
SELECT q.takes_row FROM (SELECT 1, 2) AS q
SELECT q.takes_row FROM (SELECT * FROM (SELECT 1) AS z) AS q
SELECT q.takes_row FROM (SELECT 1 UNION SELECT 2) AS q
SELECT q.takes_row FROM (SELECT (info).* FROM customers) AS q
SELECT q.takes_row FROM customers AS c, LATERAL (SELECT c.info, 1) AS q
WITH q AS (SELECT 1) SELECT q.takes_row FROM q
SELECT 1 FROM (SELECT 1) AS q WHERE q.takes_row IS NULL
SELECT 1 FROM (SELECT 1) AS q ORDER BY q.takes_row
SELECT (SELECT q.takes_row) FROM (SELECT 1) AS q
SELECT takes_row.takes_row FROM (SELECT 1) AS takes_row
SELECT q.takes_row FROM (VALUES (1)) AS q
SELECT j.takes_row FROM (customers AS a JOIN customers AS b ON a.id = b.id) AS j
SELECT j.takes_row FROM (customers AS a JOIN (SELECT id, 2 AS takes_row) AS b USING (takes_row)) AS j(id)
SELECT takes_row.takes_row FROM unnest(ARRAY[1], ARRAY[2]) AS takes_row
SELECT takes_customer.takes_customer FROM customers AS c, unnest(ARRAY[c]) AS takes_customer
SELECT takes_customer.takes_customer FROM unnest(ARRAY(SELECT c FROM customers AS c)) AS takes_customer
SELECT takes_customer.takes_customer FROM unnest((SELECT array_agg(c) FROM customers AS c)) AS takes_customer
SELECT takes_customer.takes_customer FROM unnest(ARRAY(SELECT c FROM customers AS c)) WITH ORDINALITY AS takes_customer
SELECT takes_customer.takes_customer FROM customers AS c, coalesce(c) AS takes_customer
SELECT takes_customer.takes_customer FROM customers AS c, LATERAL coalesce(c) AS takes_customer
SELECT takes_place.takes_place FROM customers AS c, coalesce(c.info) AS takes_place
SELECT takes_place.takes_place FROM customers AS c, greatest(c.info, c.info) AS takes_place
SELECT takes_place.takes_place FROM customers AS c, nullif(c.info, NULL) AS takes_place
SELECT takes_place.takes_place FROM customers AS c, unnest(ARRAY[c.info]) AS takes_place
SELECT "coalesce".takes_place FROM customers AS c, coalesce(c.info)
SELECT "LOWER"('x')
SELECT "coalesce"(1, 2)
SELECT "greatest"(1, 2)
SELECT * FROM "LOWER"('x')
