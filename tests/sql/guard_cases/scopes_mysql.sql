SELECT _rowid FROM ledger
SELECT ledger._rowid FROM ledger
SELECT 1 AS ssn FROM customers HAVING ssn > 'b'
SELECT id FROM customers HAVING ssn > 'b'
SELECT id AS ssn FROM customers HAVING max(ssn) > 'a'
SELECT id AS ssn, count(*) FROM customers GROUP BY ssn
SELECT id+0 AS ssn, count(*) FROM customers GROUP BY ssn HAVING ssn > 1
SELECT id+0 AS ssn FROM customers ORDER BY ssn
SELECT id+0 AS ssn FROM customers ORDER BY ssn + 1
SELECT id+0 AS ssn FROM customers ORDER BY (SELECT ssn)
SELECT id+0 AS ssn FROM customers ORDER BY lower(ssn)
SELECT id+0 AS ssn, (SELECT ssn) AS y FROM customers
SELECT id+0 AS ssn FROM customers GROUP BY id HAVING (SELECT ssn) > 1
SELECT name FROM orders AS o HAVING name > 'b'
SELECT 'q' AS name FROM orders GROUP BY name
SELECT 'q' AS name, id FROM orders ORDER BY name, id
SELECT count(*) FROM customers NATURAL JOIN orders
SELECT count(*) FROM customers JOIN orders USING (name)
SELECT id FROM customers WHERE "ssn" = 'ssn'
SELECT id FROM customers WHERE `ssn` = 'a'
SELECT id FROM customers WHERE MATCH (nick) AGAINST ('a')
SELECT title FROM docs WHERE MATCH (body) AGAINST ('a')
SELECT title FROM docs WHERE MATCH (title, body) AGAINST ('a')
SELECT JSON_VALUE(notes, '$.a') FROM customers
SELECT jt.y FROM customers, JSON_TABLE(notes, '$' COLUMNS (y INT PATH '$.b')) jt
SELECT jt.y FROM customers, JSON_TABLE(attrs, '$' COLUMNS (y INT PATH '$.b' DEFAULT '0' ON EMPTY)) jt
SELECT jt.ssn FROM customers, JSON_TABLE(attrs, '$' COLUMNS (ssn INT PATH '$.b')) jt
SELECT ssn FROM customers, JSON_TABLE(attrs, '$' COLUMNS (ssn INT PATH '$.b')) jt
SELECT GROUP_CONCAT(id ORDER BY ssn) FROM customers
SELECT GROUP_CONCAT(id ORDER BY ssn SEPARATOR ';') FROM customers
SELECT GROUP_CONCAT(DISTINCT ssn) FROM customers
SELECT DEFAULT(ssn) FROM customers
SELECT id FROM customers WHERE (id, ssn) IN (SELECT 1, 'a')
SELECT id FROM customers LIMIT 1
SELECT shopdb.customers.ssn FROM customers, (SELECT 1 AS shopdb) q
SELECT * FROM shopdb.vault
WITH vault AS (SELECT 1 AS id) SELECT * FROM shopdb.vault
SELECT customers.* FROM customers, orders
SELECT * FROM customers JOIN orders USING (id)
SELECT * FROM (SELECT * FROM customers) AS x WHERE ssn > 'b'
SELECT * FROM information_ſchema.tables
SELECT * FROM information_schema.columns
SELECT * FROM CUSTOMERS
SELECT * FROM Customers WHERE ſsn = 'a'
SELECT ſſn FROM customers
SELECT ßn FROM customers
SELECT crédit FROM customers
SELECT CREDIT FROM customers
SELECT Ssn FROM customers
SELECT 1 AS cost FROM products GROUP BY cost WITH ROLLUP
SELECT @x := ssn FROM customers
SELECT id FROM customers PROCEDURE ANALYSE()
SELECT VALUES(ssn) FROM customers
SELECT id FROM customers USE INDEX (ssn)
SELECT id FROM customers ORDER BY 2
SELECT ROW_NUMBER() OVER (ORDER BY ssn) FROM customers
SELECT max(id) OVER w FROM customers WINDOW w AS (PARTITION BY ssn)
SELECT SQL_CALC_FOUND_ROWS id FROM customers
SELECT (SELECT name FROM orders LIMIT 1) FROM customers
SELECT (SELECT max(name) FROM orders) FROM customers
SELECT id FROM customers c WHERE EXISTS (SELECT 1 FROM orders WHERE name = 'a')
SELECT id FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE city = 'a')
SELECT id FROM customers c WHERE EXISTS (SELECT 1 FROM orders o HAVING name = 'a')
SELECT id FROM customers c WHERE EXISTS (SELECT name FROM orders o GROUP BY name)
SELECT count(*) FROM customers c WHERE EXISTS (SELECT 1 AS x FROM orders o ORDER BY name)
SELECT (SELECT 1 FROM orders ORDER BY name LIMIT 1) FROM customers
SELECT id FROM ledger PARTITION (p0)
SELECT id AS ssn FROM customers UNION SELECT 1 ORDER BY ssn
(SELECT id FROM customers) UNION (SELECT id FROM customers) ORDER BY ssn
(SELECT id AS a FROM customers ORDER BY ssn LIMIT 1)
SELECT NEXT VALUE FOR ssn
SELECT customers.id FROM customers WHERE id = ANY (SELECT salary FROM orders)
SELECT x.`ssn` FROM (SELECT 1 AS `ssn`) x, customers
SELECT `ssn` FROM (SELECT 1 AS `ssn`) x, customers
SELECT `SSN` FROM (SELECT 1 AS `ssn`) x, (SELECT 1 AS q FROM customers) y
SELECT count(ssn) FROM (SELECT 1 AS `SSN`) x JOIN customers
SELECT .customers.ssn FROM customers
SELECT 'a' 'b' AS ssn FROM customers GROUP BY ssn
SELECT 0x61 AS ssn FROM customers GROUP BY ssn
SELECT id FROM customers WHERE ssn
SELECT CONVERT(ssn USING utf8mb4) FROM customers
SELECT EXTRACT(ssn FROM id) FROM customers
SELECT INTERVAL(id, credit) FROM customers
SELECT id + INTERVAL credit DAY FROM customers
SELECT DATE_ADD('2020-01-01', INTERVAL credit DAY) FROM customers
SELECT TIMESTAMPADD(DAY, credit, '2020-01-01') FROM customers
SELECT TIMESTAMPADD(credit, 1, '2020-01-01') FROM customers
SELECT GET_FORMAT(DATE, ssn) FROM customers
