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
SELECT (SELECT ssn FROM customers LIMIT 1) FROM (SELECT 1 AS ssn) q
SELECT (SELECT max(ssn) FROM customers) FROM (SELECT 1 AS ssn) q
SELECT nick FROM (SELECT 1 AS nick) q, customers
SELECT q.nick FROM (SELECT 1 AS nick) q, customers ORDER BY nick
SELECT q.nick FROM (SELECT 1 AS nick) q, customers HAVING nick = 1
SELECT q.nick FROM (SELECT 1 AS nick) q, customers GROUP BY nick
SELECT id AS nick FROM customers ORDER BY nick
SELECT id AS nick FROM customers ORDER BY -nick
SELECT id AS nick FROM customers ORDER BY nick COLLATE utf8mb4_bin
SELECT id AS nick FROM customers GROUP BY nick
SELECT id AS nick FROM customers GROUP BY nick HAVING nick > 1
SELECT id AS nick FROM customers HAVING nick > 1
SELECT id AS nick FROM customers HAVING max(nick) > 1
SELECT max(id) AS nick FROM customers HAVING nick > 1
SELECT id + 0 AS nick, sum(id) OVER (ORDER BY nick) FROM customers
SELECT id AS nick, (SELECT nick) AS z FROM customers
SELECT id AS nick FROM customers ORDER BY (SELECT nick)
SELECT id AS nick FROM customers HAVING (SELECT nick) > 1
SELECT id AS nick FROM customers HAVING EXISTS (SELECT 1 FROM orders WHERE hint = nick)
SELECT id AS nick FROM customers UNION SELECT id FROM orders ORDER BY nick
SELECT id FROM customers UNION SELECT id FROM orders ORDER BY hint
SELECT id FROM customers UNION SELECT id FROM orders ORDER BY customers.nick
(SELECT id FROM customers) ORDER BY nick
(SELECT id, name FROM customers) ORDER BY ssn LIMIT 1000
(SELECT id FROM customers) UNION ALL (SELECT id FROM orders ORDER BY hint LIMIT 1000)
SELECT count(*) FROM orders o JOIN customers c ON name = 'a'
SELECT hint FROM orders o LEFT JOIN (SELECT 'a' AS hint) q ON 1
SELECT hint FROM (SELECT 'a' AS hint) q NATURAL JOIN orders o
SELECT o.* FROM (SELECT 'a' AS hint) q NATURAL JOIN orders o
SELECT hint FROM orders o RIGHT JOIN (SELECT 'a' AS hint, 1 AS id) q USING (id)
SELECT name FROM orders o JOIN customers c USING (id) JOIN products p USING (name)
SELECT ssn.y FROM customers, JSON_TABLE(attrs, '$' COLUMNS (y INT PATH '$.b')) AS ssn
SELECT ssn FROM customers, JSON_TABLE(attrs, '$' COLUMNS (ssn INT PATH '$.b')) AS x
SELECT nick FROM customers, JSON_TABLE(attrs, '$' COLUMNS (nick INT PATH '$.b')) AS x
SELECT x.nick FROM customers, JSON_TABLE(attrs, '$' COLUMNS (nick FOR ORDINALITY, NESTED PATH '$.a' COLUMNS (q INT PATH '$'))) AS x
SELECT id FROM customers WHERE (id, name) IN (SELECT id, name FROM orders)
SELECT id FROM customers WHERE name IN (SELECT name FROM orders)
SELECT id FROM customers WHERE EXISTS (SELECT 1 FROM orders WHERE city = customers.city)
SELECT GROUP_CONCAT(id ORDER BY nick) FROM customers
SELECT GROUP_CONCAT(id ORDER BY 1, 2) FROM customers
SELECT GROUP_CONCAT(id, name ORDER BY 3) FROM customers
SELECT id AS nick, GROUP_CONCAT(name ORDER BY nick) FROM customers GROUP BY id
SELECT COUNT(DISTINCT id, ssn) FROM customers
SELECT 1 FROM customers WHERE nick IS NULL
SELECT id FROM customers WHERE name = BINARY ssn
SELECT CAST(ssn AS BINARY) FROM customers
SELECT name COLLATE nick FROM customers
SELECT _utf8mb4'a' COLLATE utf8mb4_bin = ssn FROM customers
SELECT id DIV credit FROM customers
SELECT name REGEXP ssn FROM customers
SELECT name SOUNDS LIKE ssn FROM customers
SELECT IF(credit, 1, 2) FROM customers
SELECT CASE ssn WHEN 'a' THEN 1 END FROM customers
SELECT SUBSTRING(name FROM credit) FROM customers
SELECT TRIM(ssn FROM name) FROM customers
SELECT POSITION(ssn IN name) FROM customers
SELECT CHAR(credit USING utf8mb4) FROM customers
SELECT WEIGHT_STRING(ssn) FROM customers
SELECT id FROM customers WHERE id MEMBER OF (notes)
SELECT INTERVAL credit DAY + '2020-01-01' FROM customers
SELECT ADDDATE('2020-01-01', credit) FROM customers
SELECT id FROM customers ORDER BY id LIMIT 1000 OFFSET 0
SELECT MATCH (title) AGAINST (body) FROM docs
SELECT MATCH (title) AGAINST ('x' WITH QUERY EXPANSION) FROM docs
SELECT MATCH (title) AGAINST ('x') FROM docs
SELECT MATCH (docs.body) AGAINST ('x') FROM docs
SELECT title FROM docs WHERE MATCH (title) AGAINST ('+x' IN BOOLEAN MODE)
SELECT ledger.label FROM ledger ORDER BY _rowid
SELECT x._rowid FROM (SELECT * FROM ledger) x
SELECT shopdb.ledger._rowid FROM ledger
SELECT LAST_INSERT_ID()
SELECT * FROM customers FOR SYSTEM_TIME ALL
SELECT SUM(id) OVER (ORDER BY id RANGE BETWEEN credit PRECEDING AND CURRENT ROW) FROM customers
SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY credit) OVER () FROM customers
SELECT MEDIAN(credit) OVER () FROM customers
SELECT MEDIAN(id) OVER (PARTITION BY ssn) FROM customers
VALUES (1), ((SELECT max(ssn) FROM customers))
SELECT * FROM (VALUES (1, 2)) AS x, customers
SELECT id AS ssn FROM customers HAVING max(ssn) > 'b'
SELECT id AS ssn FROM customers GROUP BY id HAVING max(ssn) > 'b'
SELECT id AS ssn FROM customers HAVING count(DISTINCT ssn) > 4
SELECT id AS ssn, 1 AS z FROM customers HAVING max(concat(ssn, '')) > 'b'
SELECT id AS ssn FROM customers GROUP BY id ORDER BY max(ssn)
SELECT * FROM (SELECT 1 AS z) AS customers, customers
SELECT customers.* FROM (VALUES (1, 2)) AS customers, customers
SELECT customers.* FROM customers, (SELECT 1 AS z) AS customers
SELECT customers.ssn FROM (SELECT 1 AS ssn) AS customers, customers
SELECT nick FROM (SELECT 1 AS nick) customers, customers
WITH c AS (SELECT 1 AS z) SELECT customers.* FROM c AS customers, customers
SELECT CUSTOMERS.* FROM (SELECT 1 AS z) AS CUSTOMERS, customers
SELECT customers.* FROM JSON_TABLE('{}', '$' COLUMNS (y INT PATH '$.b')) AS customers, customers
SELECT (SELECT max(customers.ssn) FROM customers) FROM (SELECT 1 AS ssn) AS customers
SELECT x.id, (SELECT max(d.v) FROM (SELECT '5' AS ssn) AS x, (SELECT x.ssn AS v) AS d) FROM customers AS x
SELECT x.id FROM customers AS x ORDER BY (SELECT max(d.v) FROM (SELECT '5' AS ssn) AS x, (SELECT ssn AS v) AS d), id
SELECT x.id FROM customers AS x WHERE EXISTS (SELECT 1 FROM (SELECT '5' AS ssn) AS x, (SELECT x.ssn AS v) AS d WHERE d.v > 'b')
SELECT id FROM customers AS x WHERE EXISTS (SELECT 1 FROM orders a JOIN orders b ON x.ssn > 'b' JOIN (SELECT '5' AS ssn) x ON 1 = 1)
SELECT id FROM customers x WHERE EXISTS (SELECT 1 FROM (SELECT '5' AS ssn) AS y, orders a JOIN orders b ON ssn > 'b')
SELECT id FROM customers x WHERE EXISTS (SELECT 1 FROM (SELECT '5' AS ssn) AS x, orders a JOIN orders b ON x.ssn > 'b')
SELECT id FROM customers x WHERE EXISTS (SELECT 1 FROM (SELECT '5' AS ssn) AS x, (orders a JOIN orders b ON x.ssn > 'b'))
SELECT id FROM customers x WHERE EXISTS (SELECT 1 FROM (SELECT '5' AS ssn) AS x JOIN city d ON 1 = 1 JOIN (city e JOIN city f ON x.ssn > 'b') ON 1 = 1)
SELECT (SELECT shopdb.customers.ssn FROM (SELECT '5' AS ssn) AS customers) FROM customers
SELECT (SELECT max(q.id) FROM (SELECT shopdb.customers.* FROM (SELECT 1 AS id) AS customers) AS q) FROM customers
SELECT (WITH customers AS (SELECT '5' AS ssn) SELECT shopdb.customers.ssn FROM customers) FROM customers
SELECT (SELECT e.ssn FROM (SELECT 1) AS e) FROM customers AS e
SELECT (SELECT e.ssn FROM (SELECT count(*) FROM city) AS e) FROM customers AS e
SELECT id FROM customers AS e WHERE (SELECT e.ssn FROM (SELECT 1) AS e) > 'b'
SELECT count(*) FROM customers AS e GROUP BY (SELECT e.ssn FROM (SELECT 1) AS e)
WITH RECURSIVE q AS (SELECT (SELECT name FROM customers LIMIT 1) AS y FROM orders), customers AS (SELECT 1 AS z) SELECT * FROM q
SELECT (WITH q(x) AS (SELECT e.ssn) SELECT max((SELECT x FROM q)) FROM customers AS e) FROM (SELECT 'p' AS ssn) AS e
SELECT a.name AS q FROM (SELECT 'n' AS name) AS a, orders UNION SELECT 'm' ORDER BY name
SELECT customers.ssn FROM (SELECT 1 AS ssn) AS customers, customers
WITH vault AS (SELECT 3 AS id INTERSECT SELECT id FROM vault) SELECT * FROM vault
WITH RECURSIVE vault AS (SELECT 3 AS id INTERSECT SELECT id FROM vault WHERE id > 0) SELECT * FROM vault
WITH RECURSIVE vault AS (SELECT 3 AS id EXCEPT SELECT id FROM vault WHERE id > 0) SELECT * FROM vault
SELECT (SELECT group_concat(e.ssn) FROM (SELECT 1) AS e) FROM customers AS e
SELECT (SELECT É.ssn FROM customers AS é LIMIT 1) FROM (SELECT 1 AS ssn) AS É
SELECT (SELECT ſ.ssn FROM customers AS s LIMIT 1) FROM (SELECT 1 AS ssn) AS ſ
WITH vault AS (SELECT 1 AS id) SELECT * FROM (WITH q AS (SELECT * FROM vault) SELECT * FROM q) AS r
WITH vault AS (SELECT 1 AS id) SELECT * FROM (WITH vault AS (SELECT * FROM vault) SELECT * FROM vault) AS r
WITH vault AS (SELECT 1 AS id) SELECT (WITH q AS (SELECT max(id) AS m FROM vault) SELECT m FROM q)
WITH vault AS (SELECT 1 AS id) SELECT id FROM customers WHERE 4 IN (WITH q AS (SELECT id FROM vault) SELECT id FROM q)
WITH vault AS (SELECT 1 AS id), b AS (SELECT * FROM (WITH q AS (SELECT * FROM vault) SELECT * FROM q) AS r) SELECT * FROM b
WITH vault AS (SELECT 1 AS id) SELECT * FROM (WITH q AS (SELECT id FROM customers UNION SELECT id FROM vault) SELECT * FROM q) AS r
WITH vault AS (SELECT 1 AS id) SELECT * FROM (WITH q AS (SELECT * FROM (SELECT * FROM vault) AS v) SELECT * FROM q) AS r
WITH vault AS (SELECT 1 AS id) SELECT * FROM (WITH q AS (SELECT * FROM vault), vault AS (SELECT 2) SELECT * FROM q) AS r
WITH customers AS (SELECT 1 AS ssn) SELECT * FROM (WITH q AS (SELECT ssn FROM customers) SELECT * FROM q) AS r
WITH customers AS (SELECT 1 AS id, 2 AS ssn) SELECT * FROM (WITH q AS (SELECT * FROM customers) SELECT * FROM q) AS r
WITH RECURSIVE vault AS (SELECT 1 AS id UNION SELECT id + 1 FROM vault WHERE id < 3) SELECT * FROM (WITH q AS (SELECT * FROM vault) SELECT * FROM q) AS r
WITH vault AS (SELECT 1 AS id) SELECT * FROM (WITH q AS (SELECT 1 AS z) SELECT * FROM vault, q) AS r
SELECT * FROM (WITH q AS (SELECT id FROM customers), r AS (SELECT id FROM q) SELECT * FROM r) AS s
