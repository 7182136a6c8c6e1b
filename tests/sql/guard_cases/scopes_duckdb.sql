SELECT list_transform([1], c -> c.ssn) FROM customers c
SELECT list_transform([1], lambda c: c.ssn) FROM customers c
SELECT list_transform([c], x -> x.ssn) FROM customers c
SELECT list_transform([c], lambda x: x.ssn) FROM customers c
SELECT list_transform([1], lambda x: ssn) FROM customers c
SELECT list_transform([1], lambda ssn: ssn) FROM customers c
SELECT list_transform([1], lambda customers: customers.ssn) FROM customers
SELECT list_transform([c], lambda ssn: ssn) FROM customers c
SELECT [c.ssn for c in [1]] FROM customers c
SELECT [ssn for x in [1]] FROM customers c
SELECT [x.ssn for x in [c]] FROM customers c
SELECT [x for x in tags if ssn > 'b'] FROM customers c
SELECT ssn.upper() FROM customers
SELECT c.ssn.upper() FROM customers c
SELECT c.concat('') FROM customers c
SELECT c.to_json() FROM customers c
SELECT to_json(c) FROM customers c
SELECT to_json(customers) FROM customers
SELECT c::VARCHAR FROM customers c
SELECT c FROM customers c
SELECT customers FROM customers
SELECT c.* FROM customers c
SELECT c['ssn'] FROM customers c
SELECT struct_extract(c, 'ssn') FROM customers c
SELECT struct_extract_at(c, 1) FROM customers c
SELECT unnest(c) FROM customers c
SELECT unnest([c]) FROM customers c
SELECT unnest([c], recursive := true) FROM customers c
SELECT row(c.*) FROM customers c
SELECT struct_pack(*COLUMNS(c.*)) FROM customers c
SELECT COLUMNS('s.*') FROM customers
SELECT COLUMNS(lambda x: x = 'ssn') FROM customers
SELECT COLUMNS(['ssn', 'id']) FROM customers
SELECT min(COLUMNS(*)) FROM customers
SELECT * LIKE 's%' FROM customers
SELECT * SIMILAR TO 's.*' FROM customers
SELECT * EXCLUDE (id) FROM customers
SELECT * EXCLUDE (ssn) FROM customers
SELECT * REPLACE (ssn AS id) FROM customers
SELECT * RENAME (id AS ssn) FROM customers
SELECT main.customers.ssn FROM customers, (SELECT 1 AS main) q
SELECT main.customers.ssn FROM customers, (SELECT {'customers': {'ssn': 1}} AS main) q
SELECT main.customers.ssn FROM customers, (SELECT {'ssn': 1} AS customers) main
SELECT customers.customers.ssn FROM customers
SELECT memory.main.customers.ssn FROM customers
SELECT memory.customers.ssn FROM customers
SELECT info.city FROM products AS info
SELECT info.info.city FROM products AS info
SELECT spec.city FROM products AS spec
SELECT spec.spec.city FROM products AS spec
SELECT products.spec.city FROM products
SELECT spec.city FROM products, (SELECT 1 AS x) AS spec
SELECT spec.city FROM products, (SELECT {'city': 1} AS spec) AS x
SELECT spec.city FROM products JOIN (SELECT {'city': 1} AS spec) AS x USING (spec)
SELECT spec.city FROM products POSITIONAL JOIN (SELECT {'city': 1} AS spec) AS x
SELECT spec.name FROM products SEMI JOIN city spec ON true
SELECT inner_place.city FROM customers ANTI JOIN customers inner_place ON false
SELECT inner_place.city FROM customers SEMI JOIN customers inner_place USING (id)
SELECT id FROM customers SEMI JOIN customers inner_place ON true WHERE inner_place.city > 'a'
SELECT id FROM customers SEMI JOIN customers inner_place ON true ORDER BY inner_place.city
SELECT count(*) FROM customers NATURAL SEMI JOIN orders
SELECT count(*) FROM customers ASOF JOIN orders ON customers.id >= orders.id
SELECT count(*) FROM customers ASOF JOIN orders USING (id, name)
SELECT * FROM customers POSITIONAL JOIN orders
FROM customers
FROM customers SELECT ssn
FROM customers WHERE ssn > 'b'
FROM customers ORDER BY ssn
SELECT id FROM customers ORDER BY ALL
SELECT count(*) FROM customers GROUP BY ALL
SELECT id, ssn FROM customers GROUP BY ALL
SELECT id AS ssn FROM customers WHERE ssn > 1
SELECT id AS ssn, ssn + 1 AS y FROM customers
SELECT id + 1 AS ssn FROM customers GROUP BY ssn
SELECT id + 1 AS ssn FROM customers ORDER BY ssn
SELECT id + 1 AS ssn FROM customers ORDER BY ssn + 0
SELECT id + 1 AS ssn FROM customers QUALIFY row_number() OVER (ORDER BY ssn) = 1
SELECT id FROM customers QUALIFY ssn > 'b'
SELECT id FROM customers QUALIFY row_number() OVER (ORDER BY ssn) = 1
PIVOT customers ON city USING max(ssn)
PIVOT customers ON ssn USING count(*)
PIVOT customers ON city USING count(*)
PIVOT customers ON city USING max(id) GROUP BY ssn
PIVOT (SELECT * FROM customers) ON city USING count(*)
SELECT * FROM customers PIVOT (max(id) FOR city IN ('a'))
SELECT * FROM customers PIVOT (max(id) FOR ssn IN ('a'))
SELECT * FROM customers PIVOT (max(id) FOR city IN ('a') GROUP BY ssn)
UNPIVOT customers ON ssn INTO NAME k VALUE v
UNPIVOT customers ON COLUMNS(* EXCLUDE (id)) INTO NAME k VALUE v
UNPIVOT customers ON (id, area) INTO NAME k VALUE v
SELECT * FROM customers UNPIVOT (v FOR k IN (ssn))
SELECT * FROM customers UNPIVOT (v FOR k IN (id))
SELECT DISTINCT ON (ssn) id FROM customers
SELECT DISTINCT ON (id) name FROM customers ORDER BY ssn
SELECT id FROM customers UNION BY NAME SELECT ssn FROM customers
SELECT * FROM customers UNION BY NAME SELECT * FROM orders
SELECT id FROM customers LIMIT (SELECT max(salary) FROM orders)
SELECT arg_max(id, ssn) FROM customers
SELECT list(id ORDER BY ssn) FROM customers
SELECT string_agg(name, ',' ORDER BY ssn) FROM customers
SELECT max(id) FILTER (ssn > 'b') FROM customers
SELECT count(*) FILTER (WHERE c IS NULL) FROM customers c
SELECT hash(c) FROM customers c
SELECT c = c FROM customers c
SELECT max(c)::VARCHAR FROM customers c
SELECT first(c) FROM customers c
SELECT arg_max(c, id) FROM customers c
SELECT {'a': c}.a.ssn FROM customers c
SELECT {'a': c}::VARCHAR FROM customers c
SELECT MAP {'a': c} FROM customers c
SELECT CASE WHEN true THEN c END FROM customers c
SELECT (c).ssn FROM customers c
SELECT (SELECT c).ssn FROM customers c
SELECT (SELECT c.ssn) FROM customers c
SELECT x.ssn FROM customers c, (SELECT c AS x) q
SELECT q.x.ssn FROM customers c, LATERAL (SELECT c AS x) q
SELECT q.c.ssn FROM (SELECT c FROM customers c) q
SELECT c.ssn FROM (SELECT c FROM customers c) q
SELECT c FROM (SELECT c FROM customers c) q
SELECT rowid FROM customers
SELECT c.rowid FROM customers c
SELECT #1 FROM customers
SELECT id FROM customers GROUP BY #1
SELECT id FROM customers ORDER BY #2
SELECT 'vault'::regclass
SELECT NULL::vault_kind
SELECT enum_range(NULL::vault_kind)
SELECT enum_code('low'::vault_kind)
SELECT query_table('vault')
SELECT * FROM query_table('vault')
SELECT * FROM query('SELECT * FROM vault')
SELECT * FROM 'vault'
SELECT * FROM "vault"
SELECT * FROM hr.payroll
SELECT staff.ssn FROM hr.staff
SELECT hr.staff.ssn FROM hr.staff
SELECT hr.name FROM hr.staff
SELECT ssn FROM hr.staff AS hr
SELECT customers.ssn FROM customers AS customers(ssn)
SELECT c.ssn FROM customers AS c(a, ssn)
SELECT c.credit FROM customers AS c(ssn, b)
SELECT a FROM (SELECT * FROM customers) AS c(a, b, d, e, f, g)
SELECT alias.ssn FROM customers AS alias
WITH c AS (SELECT * FROM customers) SELECT c.ssn FROM c
WITH c AS MATERIALIZED (FROM customers) SELECT ssn FROM c
WITH RECURSIVE c(ssn) AS (SELECT 1 UNION ALL SELECT ssn + 1 FROM c WHERE ssn < 3) SELECT ssn FROM c, customers
SELECT EXISTS (FROM orders WHERE name = 'a') FROM customers
SELECT (SELECT max(name) FROM orders) FROM customers
SELECT id FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE city = c.city)
SELECT id FROM customers WHERE columns('ssn') > 'b'
SELECT id FROM customers WHERE COLUMNS(*) IS NOT NULL
SELECT json_serialize_sql('SELECT ssn FROM customers')
SELECT * FROM json_execute_serialized_sql('x')
SELECT attrs->>'a', notes->>'a' FROM customers
SELECT attrs.a FROM customers
SELECT notes.a FROM customers
SELECT c.notes.a FROM customers c
SELECT json_extract(c.attrs, ssn) FROM customers c
SELECT summarize(c) FROM customers c
SELECT * FROM (SUMMARIZE customers)
SELECT * FROM (DESCRIBE customers)
SELECT * FROM (SHOW TABLES)
SELECT current_setting('threads')
SELECT getvariable('x')
SELECT format('{}', c) FROM customers c
SELECT printf('%s', ssn) FROM customers c
SELECT concat_ws(',', c) FROM customers c
SELECT coalesce(c, c) FROM customers c
SELECT c IN (SELECT d FROM customers d) FROM customers c
SELECT list_contains([c], c) FROM customers c
SELECT apply(['a'], lambda x: concat(x, ssn)) FROM customers
SELECT list_reduce(['a', 'b'], lambda x, y: concat(x, c)) FROM customers c
SELECT list_transform(['a'], lambda x, ssn: ssn) FROM customers
SELECT list_transform(['a'], lambda x: list_transform(['b'], lambda ssn: concat(x, ssn))) FROM customers
SELECT list_transform(['a'], lambda ssn: list_transform(['b'], lambda x: concat(x, ssn))) FROM customers
SELECT list_transform([1], (ssn) -> ssn) FROM customers
SELECT list_transform([{'ssn': 1}], c -> c.ssn) FROM customers c
SELECT list_transform([{'ssn': 1}], lambda c: c.ssn) FROM customers c
SELECT list_filter([1], lambda x: (SELECT max(ssn) FROM customers) > 'a')
SELECT upper(c.name).concat(c.ssn) FROM customers c
SELECT c.name.concat(c.ssn) FROM customers c
SELECT name.concat(ssn) FROM customers c
SELECT name.c.concat('x') FROM customers c
SELECT 'x'.concat(c) FROM customers c
SELECT ('x').concat(ssn) FROM customers c
SELECT upper.upper() FROM customers
SELECT lower.lower() FROM products AS lower
SELECT upper.name.upper() FROM customers AS upper
SELECT main.customers.name.upper() FROM customers
SELECT main.customers.ssn.upper() FROM customers
SELECT (SELECT inner_place.city FROM customers LIMIT 1) FROM customers AS inner_place
SELECT (SELECT max(inner_place.city) FROM customers) FROM customers AS inner_place
SELECT (SELECT max(spec.name) FROM products) FROM city AS spec
SELECT q.* FROM customers AS spec, LATERAL (SELECT max(spec.city) FROM products) q
SELECT spec.city FROM customers AS spec JOIN products ON spec.city = 'a'
SELECT spec.city FROM customers AS spec, products
SELECT spec.city FROM products, customers AS spec
SELECT count(spec) FROM products, city AS spec
SELECT spec FROM products, city AS spec
SELECT to_json(ssn) FROM customers, city AS ssn
SELECT ssn FROM customers, city AS ssn
SELECT (SELECT to_json(ssn) FROM customers LIMIT 1) FROM city AS ssn
SELECT (SELECT ssn FROM customers LIMIT 1) FROM city AS ssn
SELECT (SELECT max(ssn.name) FROM customers) FROM city AS ssn
SELECT list_transform(tags, lambda x: spec.city) FROM products, customers AS spec
SELECT list_transform([1], lambda x: (SELECT max(ssn) FROM customers)) FROM (SELECT 1 AS ssn) q
SELECT upper FROM (SELECT 'x' AS upper) AS q, customers
SELECT max(upper) FROM unnest(['a']) AS u(upper), customers
SELECT unnest.upper FROM customers, unnest(['a']) AS upper
SELECT upper FROM customers, unnest(['a']) AS upper
SELECT ssn FROM customers, range(3) AS ssn
SELECT ssn.range FROM customers, range(3) AS ssn
SELECT range FROM customers, range(3)
SELECT id FROM customers ORDER BY (SELECT max(ssn) FROM (SELECT 1 AS ssn) q)
SELECT id FROM customers c JOIN LATERAL (SELECT max(name) AS m FROM orders) q ON true
SELECT m FROM customers c JOIN LATERAL (SELECT max(o.total) AS m FROM orders o WHERE name = c.name) q ON true
SELECT count(*) FROM customers c JOIN orders o ON name = 'a'
SELECT count(*) FROM orders o JOIN customers c ON name = 'a'
SELECT count(*) FROM orders o LEFT JOIN (SELECT 'a' AS hint) q ON hint = 'a'
SELECT hint FROM orders o LEFT JOIN (SELECT 'a' AS hint) q ON true
SELECT hint FROM (SELECT 'a' AS hint) q NATURAL JOIN orders o
SELECT * FROM (SELECT 'a' AS hint) q NATURAL JOIN orders o
SELECT * FROM (SELECT 'a' AS hint, id FROM city) q JOIN orders o USING (id) WHERE hint = 'a'
SELECT id FROM customers GROUP BY id HAVING max(ssn) > 'a'
SELECT max(id) AS ssn FROM customers HAVING ssn > 1
SELECT id AS ssn FROM customers WHERE EXISTS (SELECT 1 WHERE ssn > 1)
SELECT id AS ssn, (SELECT ssn) FROM customers
SELECT id AS nick, (SELECT nick) FROM customers
SELECT id AS nick FROM customers ORDER BY (SELECT nick)
SELECT id AS nick, max(nick) OVER () FROM customers
SELECT id AS nick FROM customers QUALIFY max(nick) OVER () > 1
SELECT id AS nick FROM customers GROUP BY nick HAVING nick > 1
SELECT id AS nick FROM customers GROUP BY ALL HAVING nick > 1
WITH t(nick) AS (SELECT 1) SELECT nick FROM t, customers
WITH t(nick) AS (SELECT 1) SELECT (SELECT nick FROM customers LIMIT 1) FROM t
FROM (FROM customers) SELECT ssn
FROM (SELECT * FROM customers) AS c SELECT c.ssn
SELECT COLUMNS(c.*) FROM customers c JOIN orders USING (id)
SELECT c.* EXCLUDE (nick) FROM customers c
SELECT * EXCLUDE (c.nick) FROM customers c
SELECT * REPLACE (nick AS id) FROM customers c
SELECT * RENAME (nick AS z) FROM customers c
SELECT UNPACK(COLUMNS('n.*')) FROM customers
SELECT concat(*COLUMNS(*)) FROM customers
SELECT [*COLUMNS('i.*')] FROM customers
SELECT struct_pack(a := inner_place) FROM customers
SELECT inner_place FROM customers
SELECT customers.inner_place.city FROM customers
SELECT main.customers.inner_place.city FROM customers
SELECT c.inner_place.city FROM customers c, (SELECT {'inner_place': {'city': 1}} AS c) d
SELECT c.id FROM customers c, (SELECT {'id': 9} AS c) d
SELECT c.id FROM (SELECT {'id': 9} AS c) d, customers x
SELECT hr.staff.pay FROM hr.staff, (SELECT {'staff': {'pay': 1}} AS hr) q
SELECT hr.staff.id FROM hr.staff, (SELECT {'staff': {'id': 7}} AS hr) q
SELECT public.x FROM city, (SELECT {'x': 7} AS public) q
SELECT (SELECT public.x FROM city LIMIT 1) FROM (SELECT {'x': 7} AS public) q
SELECT (SELECT spec.city FROM products LIMIT 1) FROM (SELECT {'city': 7} AS spec) q
SELECT (SELECT max(spec.city) FROM products) FROM (SELECT {'city': 7} AS spec) q
SELECT list_transform([1], lambda x: spec.city) FROM (SELECT {'city': 7} AS spec) q, products
SELECT (FROM products SELECT max(spec.zip)) FROM (SELECT {'zip': 7} AS spec) q
SELECT id FROM customers WHERE id IN (FROM orders SELECT salary)
SELECT * FROM (VALUES (1)) t(nick), customers WHERE nick = 1
SELECT nick FROM (VALUES (1)) t(nick) POSITIONAL JOIN customers
SELECT count(*) FROM customers ASOF JOIN (SELECT 1 AS nick, 2 AS id) q ON customers.id >= q.id AND nick = 1
SELECT x FROM customers, LATERAL (SELECT unnest(tags) AS x)
SELECT x FROM customers, LATERAL (SELECT unnest(labels) AS x FROM products)
SELECT DISTINCT ON (nick) 1 AS nick FROM customers
SELECT DISTINCT ON (nick) 1 FROM customers
SELECT first(id ORDER BY nick) FROM customers
SELECT sum(id) OVER (PARTITION BY nick) FROM customers
SELECT sum(id) OVER w AS nick FROM customers WINDOW w AS (ORDER BY nick)
SELECT id, sum(id) OVER (ORDER BY id RANGE BETWEEN credit PRECEDING AND CURRENT ROW) FROM customers
SELECT id FROM customers LIMIT (SELECT max(credit) FROM customers)
SELECT id FROM customers OFFSET (SELECT max(credit) % 3 FROM customers)
SELECT id FROM customers LIMIT credit
MATCH (SELECT 1)
SELECT * FROM customers AT (VERSION => 1)
SELECT parse_path('a').ssn FROM customers
SELECT attrs->ssn FROM customers
SELECT attrs->'$.'||ssn FROM customers
SELECT name COLLATE nick FROM customers
SELECT name::nick FROM customers
SELECT name::customers FROM customers
SELECT CAST(NULL AS STRUCT(ssn INT)).ssn FROM customers
SELECT TRY_CAST(ssn AS INT) FROM customers
SELECT ssn IS NOT DISTINCT FROM 'a' FROM customers
SELECT tags[credit] FROM customers
SELECT tags[1:credit] FROM customers
SELECT {'a': 1}[ssn] FROM customers
SELECT MAP {ssn: 1} FROM customers
SELECT {ssn: 1} FROM customers
SELECT {'ssn': ssn} FROM customers
SELECT list_zip(tags, labels) FROM customers, products
SELECT ARRAY(SELECT ssn FROM customers)
SELECT array_agg(ssn) FROM customers
SELECT EXISTS(FROM customers WHERE ssn = 'a')
SELECT ANY_VALUE(ssn) FROM customers
SELECT position(ssn IN name) FROM customers
SELECT extract(year FROM ssn) FROM customers
SELECT substring(name FROM credit) FROM customers
SELECT trim(ssn FROM name) FROM customers
SELECT overlay(name PLACING ssn FROM 1) FROM customers
SELECT INTERVAL (credit) DAY FROM customers
SELECT CASE ssn WHEN 'a' THEN 1 END FROM customers
SELECT name LIKE ssn FROM customers
SELECT name LIKE 'a' ESCAPE ssn FROM customers
SELECT grouping(ssn) FROM customers GROUP BY id
SELECT id FROM customers GROUP BY CUBE (ssn)
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
WITH RECURSIVE vault AS (SELECT 0 AS id, '' AS name UNION ALL BY NAME SELECT id, name FROM vault WHERE id > 0) SELECT * FROM vault
WITH RECURSIVE customers AS (SELECT '' AS ssn UNION ALL BY NAME SELECT ssn FROM customers WHERE ssn > 'b') SELECT * FROM customers
SELECT (SELECT ssn FROM (SELECT * EXCLUDE (ssn) FROM (SELECT 1 AS ssn, 2 AS b)) t) FROM customers
SELECT (SELECT ssn FROM (SELECT * RENAME (ssn AS c) FROM (SELECT 1 AS ssn, 2 AS b)) t) FROM customers
WITH q AS (SELECT * FROM (SELECT 1 AS a) x SEMI JOIN (SELECT '1' AS ssn) y ON true) SELECT (SELECT ssn FROM q) FROM customers
SELECT enum_range(from_json('"low"', '"vault_kind"'))
SELECT json_transform('"low"', '"vault_kind"')
SELECT typeof(json_transform_strict('"low"', '"vault_kind"'))
