SELECT id FROM orders WHERE (SELECT name) IS NOT NULL
SELECT (SELECT name FROM orders LIMIT 1) FROM customers
SELECT (SELECT name FROM orders AS name LIMIT 1) FROM customers
SELECT c.id FROM customers c JOIN orders o USING (id) ORDER BY o.name
SELECT count(*) FROM customers NATURAL JOIN orders
SELECT * FROM customers JOIN orders ON customers.name = name
SELECT id, (SELECT max(total) FROM products) FROM orders
SELECT id, (SELECT city.population FROM (SELECT 1 AS population) AS city) FROM city
SELECT main.customers.ssn FROM customers, (SELECT 1 AS main) q
SELECT customers.main.id FROM customers
SELECT "ssn" FROM customers
SELECT * FROM customers WHERE "ssn" > 'b'
SELECT count(*) FROM customers GROUP BY "ssn"
SELECT count(*) FROM customers GROUP BY 'ssn'
SELECT name FROM customers ORDER BY 'ssn', "ssn"
SELECT name AS ssn FROM customers GROUP BY ssn
SELECT name AS ssn FROM customers WHERE ssn > 'b'
SELECT 'x' AS ssn FROM customers ORDER BY ssn COLLATE nocase
SELECT 'x' AS ssn, id FROM customers ORDER BY +ssn, id
SELECT DISTINCT 'x' AS ssn FROM customers ORDER BY lower(ssn)
SELECT id, sum(total) OVER (ORDER BY ssn) FROM orders
SELECT id FROM orders WINDOW w AS (ORDER BY ssn)
SELECT json_array(credit -> '$') FROM customers
SELECT coalesce(credit ->> '$', 1) FROM customers
SELECT json_extract(attrs, '$.' || ssn) FROM customers
SELECT json_group_array(credit) FILTER (WHERE ssn > 'b') FROM customers
SELECT group_concat(id ORDER BY ssn) FROM customers
SELECT group_concat(id, ssn) FROM customers
SELECT max(id) FILTER (WHERE salary > 2) FROM orders
SELECT id FROM customers WHERE (id, name) IN (SELECT id, name FROM orders)
SELECT id FROM customers WHERE id IN orders
SELECT id FROM customers WHERE id IN (orders)
SELECT id FROM customers WHERE EXISTS (SELECT * FROM orders WHERE name = customers.name)
SELECT id FROM customers WHERE EXISTS (SELECT 1 FROM orders HAVING name = 'a')
SELECT id FROM customers EXCEPT SELECT id FROM orders ORDER BY name
SELECT id FROM customers UNION SELECT id FROM orders ORDER BY ssn
SELECT title FROM docs WHERE docs MATCH 'body:a'
SELECT title FROM docs WHERE docs MATCH '"a"'
SELECT title FROM docs WHERE docs = 'a'
SELECT title FROM docs WHERE title MATCH 'body : a'
SELECT title FROM docs WHERE title MATCH '{body title} : a'
SELECT title FROM docs WHERE title MATCH '- title : a'
SELECT title FROM docs WHERE title MATCH 'a' || ''
SELECT title FROM docs WHERE d.title MATCH 'body:a'
SELECT title FROM docs d WHERE d MATCH 'a'
SELECT title FROM docs WHERE title MATCH 'x' ORDER BY rank
SELECT rank FROM docs WHERE title MATCH 'x'
SELECT bm25(docs) FROM docs WHERE title MATCH 'x'
SELECT highlight(docs, 1, '<', '>') FROM docs WHERE title MATCH 'x'
SELECT snippet(docs, -1, '<', '>', '', 4) FROM docs WHERE title MATCH 'x'
SELECT count(*) FROM docs WHERE title MATCH (SELECT 'body:x')
SELECT title, rowid FROM docs
SELECT rowid FROM ledger
SELECT label FROM ledger ORDER BY rowid
SELECT label FROM ledger WHERE ledger.oid > 20
SELECT l.label, (SELECT rowid) FROM ledger l
SELECT label FROM ledger ORDER BY _rowid_ DESC LIMIT 1
SELECT "rowid" FROM ledger
SELECT [oid] FROM ledger
SELECT label FROM ledger LIMIT 1
SELECT label FROM ledger ORDER BY amount LIMIT 1
SELECT group_concat(label) FROM ledger
SELECT label, row_number() OVER () FROM ledger
SELECT first_value(label) OVER () FROM ledger
SELECT json_group_array(label) FROM ledger
SELECT title FROM docs LIMIT 1
SELECT key, value FROM json_each((SELECT attrs FROM customers LIMIT 1))
SELECT j.value FROM customers, json_each(notes) j
SELECT j.value FROM customers c, json_each(c.attrs) AS j WHERE j.ssn = 1
SELECT j.value FROM customers, json_each(customers.attrs, '$.' || ssn) AS j
SELECT id FROM customers INDEXED BY ssn
SELECT vault.id FROM customers AS vault
WITH vault AS (SELECT 1 AS id) SELECT * FROM main.vault
WITH vault AS (SELECT * FROM vault) SELECT * FROM vault
WITH RECURSIVE vault(id) AS (SELECT 1 UNION SELECT id + 1 FROM vault WHERE id < 3) SELECT * FROM vault
WITH customers AS (SELECT ssn FROM customers) SELECT * FROM customers
WITH customers AS (SELECT id FROM customers) SELECT * FROM customers, main.customers
SELECT temp.customers.id FROM customers
SELECT * FROM temp.customers
SELECT * FROM sqlite_schema
SELECT ssn.id FROM customers AS ssn
SELECT ssn FROM customers AS ssn
SELECT customers FROM customers
SELECT typeof(customers.customers) FROM customers
SELECT id FROM customers c WHERE c.name = (SELECT c.ssn FROM (SELECT 'x' AS ssn) AS c)
SELECT id FROM customers c WHERE c.name = (SELECT ssn FROM (SELECT 'x' AS ssn) AS c WHERE ssn > c.ssn)
SELECT max(ssn) FROM customers AS c, (SELECT 'x' AS ssn) AS d
SELECT d.ssn FROM (SELECT 'x' AS ssn) AS d NATURAL JOIN customers
SELECT count(*) FROM (SELECT 'a' AS ssn) AS d JOIN customers USING (ssn)
SELECT id FROM customers WHERE CASE ssn WHEN 'a' THEN 1 END
SELECT id FROM customers LIMIT (SELECT max(salary) FROM orders)
VALUES ((SELECT max(ssn) FROM customers))
SELECT * FROM (VALUES (1)) AS v, customers WHERE column1 = ssn
SELECT x.* FROM (customers CROSS JOIN orders) AS x
SELECT x.ssn FROM (customers CROSS JOIN orders) AS x
SELECT ssn FROM (customers CROSS JOIN orders)
SELECT * FROM (customers JOIN orders USING (id)) WHERE ssn > 'b'
SELECT changes()
SELECT iif(ssn > 'b', 1, 2) FROM customers
SELECT likelihood(id, 0.5) FROM customers
SELECT id FROM customers WHERE ssn LIKE 'a' ESCAPE '\'
SELECT id FROM customers WHERE name LIKE 'a' ESCAPE ssn
SELECT CAST(ssn AS TEXT) FROM customers
SELECT id COLLATE ssn FROM customers
SELECT json_each.value FROM json_each('[1]'), customers WHERE json_each.key = ssn
SELECT fts.* FROM docs AS fts
SELECT docs.docs FROM docs
SELECT docs FROM docs
SELECT title FROM docs('body:a')
SELECT count(*) FROM docs d, (SELECT 'body:x' AS q) x WHERE d.title MATCH x.q
SELECT title FROM docs WHERE NOT title MATCH 'x' AND title IS NOT 'q'
SELECT json FROM json_each('[1]'), customers
SELECT root FROM json_each('[1]')
SELECT json_each.json FROM customers, json_each(customers.attrs)
SELECT ssn.value FROM customers, json_each(attrs) AS ssn
SELECT value FROM customers, json_each(attrs)
SELECT value FROM customers, json_each(notes)
SELECT (SELECT value FROM json_each(notes) LIMIT 1) FROM customers
SELECT (SELECT ssn FROM customers LIMIT 1) FROM (SELECT 1 AS ssn) q
SELECT (SELECT max(ssn) FROM customers) FROM (SELECT 1 AS ssn) q
SELECT (SELECT nick FROM customers LIMIT 1) FROM (SELECT 1 AS nick) q
SELECT (SELECT 1 FROM customers ORDER BY nick LIMIT 1) FROM (SELECT 1 AS nick) q
SELECT (SELECT 1 FROM customers GROUP BY nick LIMIT 1) FROM (SELECT 1 AS nick) q
SELECT nick FROM (SELECT 1 AS nick) q, customers
SELECT q.nick FROM (SELECT 1 AS nick) q, customers ORDER BY nick
SELECT id AS nick FROM customers ORDER BY nick + 0
SELECT id AS nick FROM customers ORDER BY -nick
SELECT id AS nick FROM customers ORDER BY nick COLLATE binary
SELECT id AS nick FROM customers ORDER BY (SELECT nick)
SELECT id AS nick, (SELECT nick) AS z FROM customers
SELECT id AS nick FROM customers WHERE nick > 1
SELECT id AS nick FROM customers GROUP BY nick HAVING nick > 1
SELECT id AS nick FROM customers GROUP BY 1 HAVING max(nick) > 1
SELECT max(id) AS nick FROM customers HAVING nick > 1
SELECT id + 0 AS nick, sum(id) OVER (ORDER BY nick) FROM customers
SELECT id + 0 AS nick, sum(id) OVER w FROM customers WINDOW w AS (ORDER BY nick)
SELECT id AS nick FROM customers UNION SELECT id FROM orders ORDER BY nick
SELECT id AS nick FROM customers UNION SELECT id FROM orders ORDER BY nick + 1
SELECT id FROM customers UNION SELECT id AS nick FROM orders ORDER BY nick
SELECT id FROM customers UNION SELECT id FROM orders ORDER BY hint
SELECT count(*) FROM customers c JOIN orders o ON name = 'a'
SELECT count(*) FROM orders o JOIN customers c ON name = 'a'
SELECT hint FROM orders o LEFT JOIN (SELECT 'a' AS hint) q ON 1
SELECT hint FROM (SELECT 'a' AS hint) q NATURAL JOIN orders o
SELECT o.* FROM (SELECT 'a' AS hint) q NATURAL JOIN orders o
SELECT hint FROM orders o RIGHT JOIN (SELECT 'a' AS hint, 1 AS id) q USING (id)
SELECT hint FROM orders o FULL JOIN (SELECT 'a' AS hint, 1 AS id) q USING (id)
SELECT * FROM customers c JOIN orders o USING (id) JOIN products p USING (id, name)
SELECT * FROM orders o JOIN customers c USING (id) JOIN products p USING (id, name)
SELECT name FROM orders o JOIN customers c USING (id) JOIN products p USING (name)
SELECT count(*) FROM orders o JOIN customers c USING (id) NATURAL JOIN products p
SELECT id FROM customers WHERE (SELECT count(*) FROM orders WHERE name = customers.name) > 0
SELECT id FROM customers WHERE name IN (SELECT name FROM orders)
SELECT id FROM customers WHERE (name, city) IN (SELECT name, city FROM orders)
SELECT id FROM customers WHERE 1 IN (SELECT id FROM orders WHERE city = customers.city)
SELECT CASE WHEN EXISTS (SELECT 1 FROM orders WHERE salary > 2) THEN 1 END
SELECT title FROM docs WHERE docs.title MATCH 'x OR body:x'
SELECT title FROM docs WHERE title MATCH 'x' AND docs MATCH 'x'
SELECT title FROM docs WHERE title MATCH 'ti' || 'tle:x'
SELECT title FROM docs WHERE title MATCH lower('BODY:X')
SELECT title FROM docs WHERE title MATCH title
SELECT title FROM docs WHERE title LIKE 'x%'
SELECT title FROM docs WHERE title = 'x'
SELECT title FROM docs WHERE rank = 'bm25(10.0, 5.0)'
SELECT title FROM docs WHERE title MATCH 'x' AND rank MATCH 'bm25(10.0)'
SELECT title FROM docs ORDER BY rank
SELECT count(*) FROM docs
SELECT rowid IS NULL FROM (SELECT label FROM ledger)
SELECT rowid FROM (SELECT label FROM ledger) AS x
SELECT x.rowid FROM (SELECT * FROM ledger) AS x
SELECT rowid FROM (SELECT label AS rowid FROM ledger) AS x
WITH x AS (SELECT * FROM ledger) SELECT rowid FROM x
SELECT max(label) OVER (ORDER BY rowid) FROM ledger
SELECT count(*) FROM ledger a JOIN ledger b USING (rowid)
SELECT count(*) FROM ledger a NATURAL JOIN ledger b
SELECT count(*) FROM customers JOIN ledger ON customers.id = ledger.rowid
SELECT label FROM ledger GROUP BY rowid
SELECT label, max(amount) FROM ledger
SELECT label, count(*) FROM ledger
SELECT label FROM ledger GROUP BY amount % 2
SELECT label FROM ledger LIMIT 1 OFFSET 1
SELECT min(ledger.label) FILTER (WHERE rowid > 20) FROM ledger
SELECT * FROM (SELECT 1 AS z) AS customers, customers
SELECT customers.* FROM (VALUES (1, 2)) AS customers, customers
SELECT customers.* FROM customers, (SELECT 1 AS z) AS customers
SELECT customers.ssn FROM (SELECT 1 AS ssn) AS customers, customers
SELECT nick FROM (SELECT 1 AS nick) customers, customers
WITH c AS (SELECT 1 AS z) SELECT customers.* FROM c AS customers, customers
SELECT CUSTOMERS.* FROM (SELECT 1 AS z) AS CUSTOMERS, customers
SELECT (SELECT max(customers.ssn) FROM customers) FROM (SELECT 1 AS ssn) AS customers
SELECT x.id, (SELECT max(d.v) FROM (SELECT '5' AS ssn) AS x, (SELECT x.ssn AS v) AS d) FROM customers AS x
SELECT x.id FROM customers AS x ORDER BY (SELECT max(d.v) FROM (SELECT '5' AS ssn) AS x, (SELECT ssn AS v) AS d), id
SELECT x.id FROM customers AS x WHERE EXISTS (SELECT 1 FROM (SELECT '5' AS ssn) AS x, (SELECT x.ssn AS v) AS d WHERE d.v > 'b')
SELECT id FROM customers AS x WHERE EXISTS (SELECT 1 FROM orders a JOIN orders b ON x.ssn > 'b' JOIN (SELECT '5' AS ssn) x ON 1 = 1)
SELECT id FROM customers x WHERE EXISTS (SELECT 1 FROM (SELECT '5' AS ssn) AS y, orders a JOIN orders b ON ssn > 'b')
SELECT id FROM customers x WHERE EXISTS (SELECT 1 FROM (SELECT '5' AS ssn) AS x, orders a JOIN orders b ON x.ssn > 'b')
SELECT id FROM customers x WHERE EXISTS (SELECT 1 FROM (SELECT '5' AS ssn) AS x, (orders a JOIN orders b ON x.ssn > 'b'))
SELECT id FROM customers x WHERE EXISTS (SELECT 1 FROM (SELECT '5' AS ssn) AS x JOIN city d ON 1 = 1 JOIN (city e JOIN city f ON x.ssn > 'b') ON 1 = 1)
SELECT (SELECT main.customers.ssn FROM (SELECT '5' AS ssn) AS customers) FROM customers
SELECT (SELECT max(q.id) FROM (SELECT main.customers.* FROM (SELECT 1 AS id) AS customers) AS q) FROM customers
SELECT (WITH customers AS (SELECT '5' AS ssn) SELECT main.customers.ssn FROM customers) FROM customers
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
SELECT (SELECT max(j.value) FROM json_each(json_array(x.ssn)) AS j, customers AS x) FROM (SELECT 'pub' AS ssn) AS x
SELECT (SELECT max(j.value) FROM json_each(json_array(ssn)) AS j, customers AS x) FROM (SELECT 'pub' AS ssn) AS x
SELECT (SELECT e.ssn FROM (VALUES (1)) AS e) FROM customers AS e
SELECT title FROM (SELECT title FROM docs) t WHERE title MATCH 'body: a'
WITH t AS (SELECT title FROM docs) SELECT title FROM t WHERE title MATCH 'body: a'
SELECT title FROM docs, (SELECT 'body: a' AS q) y WHERE title MATCH y.q
SELECT title FROM docs WHERE title MATCH '"a" - body'
SELECT (SELECT rowid FROM (SELECT 77 AS label) AS q) FROM ledger
SELECT main.customers.ssn FROM (SELECT 1 AS ssn) AS customers, customers
SELECT id FROM customers WHERE id IN 'crypt'
SELECT 1 IN 'crypt'
SELECT 2 NOT IN 'crypt'
SELECT 3 IN 'crypt', 4 IN 'crypt'
