SELECT area(c) FROM customers c
SELECT c.area FROM customers c
SELECT ssn(c) FROM customers c
SELECT upper(c) FROM customers c
SELECT c.upper FROM customers c
SELECT lower(p) FROM products p
SELECT customers.upper FROM customers
SELECT c.row_to_json FROM customers c
SELECT c.to_jsonb FROM customers c
SELECT c.text FROM customers c
SELECT (c).text FROM customers c
SELECT c::text FROM customers c
SELECT row_to_json(c) FROM customers c
SELECT row_to_json(customers) FROM customers
SELECT to_jsonb(c.*) FROM customers c
SELECT (c).* FROM customers c
SELECT (c).ssn FROM customers c
SELECT ((c)).ssn FROM customers c
SELECT (customers.*).ssn FROM customers
SELECT (SELECT c).ssn FROM customers c
SELECT (SELECT c) FROM customers c
SELECT (array_agg(c))[1] FROM customers c
SELECT ((array_agg(c))[1]).ssn FROM customers c
SELECT max(c::text) FROM customers c
SELECT count(c) FROM customers c
SELECT count(DISTINCT c) FROM customers c
SELECT c = c FROM customers c
SELECT c IS NULL FROM customers c
SELECT ROW(c.*) FROM customers c
SELECT ROW(c) FROM customers c
SELECT (ROW(c)).f1 FROM customers c
SELECT q.x.ssn FROM (SELECT c AS x FROM customers c) q
SELECT (q.x).ssn FROM (SELECT c AS x FROM customers c) q
SELECT (q.c).ssn FROM (SELECT c FROM customers c) q
SELECT (c).ssn FROM (SELECT c FROM customers c) q
SELECT q FROM (SELECT c FROM customers c) q
SELECT (x).ssn FROM unnest(ARRAY(SELECT c FROM customers c)) AS x
SELECT x.ssn FROM unnest(ARRAY(SELECT c FROM customers c)) AS x
SELECT x.* FROM customers c, LATERAL (SELECT c.*) x
SELECT x.* FROM customers c, LATERAL jsonb_each(to_jsonb(c)) x
SELECT x.* FROM jsonb_to_record('{"ssn": 1}') AS x(ssn int)
SELECT ssn FROM customers, jsonb_to_record('{"ssn": 1}') AS x(ssn int)
SELECT jsonb_populate_record(NULL::customers, '{}')
SELECT (jsonb_populate_record(NULL::vault, '{"ssn": "a"}')).ssn
SELECT NULL::vault
SELECT NULL::customers
SELECT (NULL::customers).ssn
SELECT '(1,2)'::customers
SELECT CAST(ROW(1,'a',1,'a','{}','low') AS vault)
SELECT NULL::vault[]
SELECT NULL::_vault
SELECT NULL::public.vault
SELECT NULL::"vault"
SELECT enum_range(NULL::vault_kind)
SELECT 'top'::vault_kind
SELECT enum_first(NULL::_vault_kind)
SELECT 'vault'::regclass
SELECT to_regclass('vault')
SELECT pg_typeof(c) FROM customers c
SELECT coalesce(attrs -> 'a' || to_jsonb(attrs.cost)) FROM products AS attrs
SELECT coalesce(attrs -> 'a' || to_jsonb(attrs)) FROM products AS attrs
SELECT json_build_array(credit -> 'a') FROM customers
SELECT jsonb_build_array(attrs -> ssn) FROM customers
SELECT attrs -> c.ssn FROM customers c
SELECT attrs #> ARRAY[ssn] FROM customers c
SELECT public.customers.ssn FROM customers, (SELECT 1 AS public) q
SELECT public.ssn FROM customers AS public
SELECT public.customers.ssn FROM customers
SELECT shopdb.public.customers.ssn FROM customers
SELECT ctid FROM customers
SELECT c.xmin FROM customers c
SELECT tableoid FROM customers
SELECT c.tableoid::regclass FROM customers c
SELECT cmin FROM customers
SELECT customers.oid FROM customers
SELECT ssn FROM customers AS c(ssn)
SELECT c.credit FROM customers AS c(ssn, b)
SELECT j.ssn FROM (customers c JOIN orders o USING (id)) AS j
SELECT ssn FROM customers c JOIN orders o USING (id)
SELECT id FROM customers c NATURAL JOIN orders o
SELECT u.id FROM customers c JOIN orders o USING (id) AS u
SELECT u.name FROM customers c JOIN orders o USING (id, name) AS u
SELECT u FROM customers c JOIN orders o USING (id) AS u
SELECT DISTINCT ON (ssn) id FROM customers
SELECT id FROM customers ORDER BY ssn
SELECT id AS ssn FROM customers GROUP BY ssn
SELECT id + 1 AS ssn FROM customers GROUP BY ssn
SELECT id + 1 AS ssn FROM customers ORDER BY ssn
SELECT id + 1 AS ssn FROM customers ORDER BY ssn || ''
SELECT id FROM customers UNION SELECT id FROM orders ORDER BY ssn
SELECT string_agg(name, ',' ORDER BY ssn) FROM customers
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY credit) FROM customers
SELECT count(*) FILTER (WHERE ssn > 'b') FROM customers
SELECT rank() OVER (ORDER BY ssn) FROM customers
SELECT id FROM customers WINDOW w AS (ORDER BY ssn)
SELECT count(*) FROM customers GROUP BY GROUPING SETS ((ssn), ())
SELECT grouping(ssn) FROM customers GROUP BY id
SELECT count(*) FROM customers GROUP BY CUBE (ssn)
SELECT id FROM ONLY customers
SELECT * FROM customers *
TABLE vault
SELECT * FROM (TABLE customers) x
SELECT id FROM customers FOR UPDATE
SELECT id FROM customers WHERE ssn IN (SELECT 'a')
SELECT id FROM customers WHERE (id, ssn) = (1, 'a')
SELECT id FROM customers WHERE ROW(customers.*) IS NOT NULL
SELECT id FROM customers c WHERE c = ANY (SELECT d FROM customers d)
SELECT id FROM customers c WHERE c IN (SELECT d FROM customers d WHERE d.id = 1)
SELECT id FROM customers c WHERE EXISTS (SELECT 1 FROM orders WHERE name = 'a')
SELECT id FROM customers c WHERE EXISTS (SELECT 1 FROM orders WHERE city = c.city)
SELECT (SELECT max(name) FROM orders) FROM customers
SELECT (SELECT name FROM orders name LIMIT 1) FROM customers
SELECT (SELECT name FROM orders LIMIT 1) FROM customers AS name
SELECT name FROM orders AS name
SELECT name.name FROM orders AS name
SELECT ssn FROM orders AS ssn
SELECT ssn.ssn FROM orders AS ssn
SELECT ssn.* FROM orders AS ssn
SELECT to_json(ssn) FROM orders AS ssn
SELECT to_json(ssn.*) FROM orders AS ssn
SELECT spec.city FROM products AS spec
SELECT (spec).city FROM products AS spec
SELECT (spec).name FROM products AS spec
SELECT (spec.spec).city FROM products AS spec
SELECT (p.info).city FROM products p
SELECT (p.spec).city FROM products p
SELECT city(p.info) FROM products p
SELECT zip(info) FROM products
SELECT city(spec) FROM products
SELECT name(p) FROM products p
SELECT info.city FROM products, (SELECT 1 AS city) AS info
SELECT hr.staff.ssn FROM hr.staff
SELECT staff.ssn FROM hr.staff
SELECT * FROM hr.payroll
SELECT hr FROM hr.staff AS hr
WITH vault AS (SELECT 1 AS id) SELECT vault FROM public.vault
WITH customers AS (SELECT ssn FROM customers) SELECT ssn FROM customers
WITH c AS (SELECT * FROM customers) SELECT c FROM c
WITH RECURSIVE c AS (SELECT id, name FROM customers UNION SELECT id, ssn FROM c) SELECT * FROM c
WITH RECURSIVE c(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM c WHERE id < 3) SEARCH DEPTH FIRST BY id SET ssn SELECT ssn FROM c, customers
WITH RECURSIVE c(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM c WHERE id < 3) CYCLE id SET is_cycle USING path SELECT * FROM c
SELECT query_to_xml('SELECT ssn FROM customers', true, true, '')
SELECT table_to_xml('customers', true, true, '')
SELECT xmlforest(ssn) FROM customers
SELECT format('%s', c) FROM customers c
SELECT concat(c) FROM customers c
SELECT quote_literal(c) FROM customers c
SELECT length(c::text) FROM customers c
SELECT num_nulls(VARIADIC ARRAY[c]) FROM customers c
SELECT json_agg(c) FROM customers c
SELECT jsonb_object_agg(c.id, c) FROM customers c
SELECT hashtext(c::text) FROM customers c
SELECT md5(c::text) FROM customers c
SELECT array_to_string(ARRAY[c], ',') FROM customers c
SELECT c <> d FROM customers c, customers d
SELECT greatest(c, d) FROM customers c, customers d
SELECT least(c.ssn) FROM customers c
SELECT CASE c WHEN d THEN 1 END FROM customers c, customers d
SELECT id FROM customers c GROUP BY c
SELECT id FROM customers c GROUP BY c.*, id
SELECT id FROM customers c ORDER BY c
SELECT DISTINCT c FROM customers c
SELECT U&"ss\006E" FROM customers
SELECT "SSN" FROM customers
SELECT SSN FROM customers
SELECT current_schema
SELECT ident FROM customers AS "customers.ssn"(ident)
SELECT title FROM docs WHERE to_tsvector(docs::text) @@ to_tsquery('a')
SELECT ts_headline(body, to_tsquery('a')) FROM docs
SELECT count(*) FROM customers c, orders o WHERE c.id = o.id AND name = 'a'
SELECT json_value(notes, '$.a') FROM customers
SELECT x.y FROM customers, JSON_TABLE(notes, '$' COLUMNS (y int PATH '$.b')) x
SELECT x.y FROM customers, JSON_TABLE(attrs, '$' PASSING ssn AS z COLUMNS (y int PATH '$.b')) x
SELECT (spec).city FROM customers AS spec, products
SELECT spec FROM customers AS spec, products
SELECT spec::text FROM customers AS spec, products
SELECT to_json(area) FROM city AS area, customers
SELECT to_json(ssn) FROM city AS ssn, orders
SELECT ssn FROM city AS ssn, orders
SELECT (SELECT to_json(ssn) FROM customers LIMIT 1) FROM city AS ssn
SELECT (SELECT ssn FROM customers LIMIT 1) FROM city AS ssn
SELECT (SELECT (spec).city FROM products LIMIT 1) FROM customers AS spec
SELECT (SELECT max((spec).city) FROM products) FROM customers AS spec
SELECT (SELECT max((spec.info).city) FROM products) FROM products AS spec
SELECT (spec.info).city FROM products AS spec
SELECT (products.info).city, (products.spec).city FROM products
SELECT upper FROM unnest(ARRAY['a']) AS upper, customers
SELECT upper FROM customers, unnest(ARRAY['a']) AS upper
SELECT upper.upper FROM customers, unnest(ARRAY['a']) AS upper
SELECT (upper) FROM customers AS c, LATERAL unnest(c.tags) AS upper
SELECT ordinality FROM customers, unnest(tags) WITH ORDINALITY
SELECT value FROM customers, jsonb_each(attrs)
SELECT value FROM customers, jsonb_each(notes)
SELECT key, ssn FROM customers, jsonb_each(attrs) AS ssn
SELECT key, ssn FROM customers, jsonb_each(attrs) AS x(key, ssn)
SELECT x.ssn FROM customers, jsonb_each(attrs) AS x(key, ssn)
SELECT nick FROM (VALUES (1)) t(nick), customers
SELECT (SELECT nick FROM customers LIMIT 1) FROM (VALUES (1)) t(nick)
SELECT (SELECT max(nick) FROM customers) FROM (VALUES (1)) t(nick)
SELECT m FROM customers c JOIN LATERAL (SELECT max(o.total) AS m FROM orders o WHERE name = c.name) q ON true
SELECT count(*) FROM orders o JOIN customers c ON name = 'a'
SELECT hint FROM orders o LEFT JOIN (SELECT 'a' AS hint) q ON true
SELECT hint FROM (SELECT 'a' AS hint) q NATURAL JOIN orders o
SELECT count(*) FROM (SELECT 'a' AS hint) q NATURAL JOIN orders o
SELECT hint FROM (SELECT 'a' AS hint, id FROM city) q JOIN orders o USING (id) WHERE hint = 'a'
SELECT q.hint FROM (SELECT 'a' AS hint, id FROM city) q JOIN orders o USING (id) ORDER BY hint
SELECT id AS nick FROM customers GROUP BY nick
SELECT id AS nick FROM customers ORDER BY nick
SELECT id AS nick FROM customers ORDER BY nick || ''
SELECT id + 1 AS nick, count(*) FROM customers GROUP BY nick
SELECT id + 1 AS nick FROM customers GROUP BY 1 HAVING nick IS NULL
SELECT DISTINCT ON (nick) id AS nick FROM customers ORDER BY nick
WITH t(nick) AS (SELECT 1) SELECT nick FROM t, customers
WITH t(nick) AS (SELECT 1) SELECT (SELECT nick FROM customers LIMIT 1) FROM t
SELECT id FROM customers, LATERAL (SELECT nick) q
SELECT id FROM (SELECT 'a' AS nick) x, customers, LATERAL (SELECT nick) q
SELECT id FROM customers c WHERE c.id IN (SELECT nick FROM (SELECT 1 AS nick) q, orders)
SELECT id FROM customers WHERE id IN (TABLE orders)
SELECT id FROM customers LIMIT (SELECT max(credit) FROM customers)
SELECT id FROM customers OFFSET (SELECT count(*) FROM vault)
SELECT sum(id) OVER (ORDER BY id RANGE BETWEEN credit PRECEDING AND CURRENT ROW) FROM customers
SELECT id FROM customers ORDER BY id USING <
SELECT ARRAY(SELECT ssn FROM customers)
SELECT tags[credit] FROM customers
SELECT tags[1:credit] FROM customers
SELECT (tags)[credit] FROM customers
SELECT name COLLATE "ssn" FROM customers
SELECT name::ssn FROM customers
SELECT position(ssn IN name) FROM customers
SELECT extract(year FROM ssn) FROM customers
SELECT substring(name FROM credit) FROM customers
SELECT substring(name SIMILAR ssn ESCAPE '#') FROM customers
SELECT trim(ssn FROM name) FROM customers
SELECT overlay(name PLACING ssn FROM 1) FROM customers
SELECT now() + credit * INTERVAL '1 day' FROM customers
SELECT now() AT TIME ZONE ssn FROM customers
SELECT CASE ssn WHEN 'a' THEN 1 END FROM customers
SELECT name LIKE ssn FROM customers
SELECT name LIKE 'a' ESCAPE ssn FROM customers
SELECT credit BETWEEN 1 AND 2 FROM customers
SELECT id BETWEEN SYMMETRIC credit AND 2 FROM customers
SELECT (id, credit) OVERLAPS (id, id) FROM customers
SELECT json_object('a' VALUE ssn) FROM customers
SELECT json_object(ssn: 1) FROM customers
SELECT json_objectagg(name : ssn) FROM customers
SELECT json_arrayagg(ssn ORDER BY id) FROM customers
SELECT json_arrayagg(name ORDER BY ssn) FROM customers
SELECT json_query(attrs, '$.a' PASSING ssn AS x) FROM customers
SELECT json_exists(attrs, '$.a ? (@ == $x)' PASSING ssn AS x) FROM customers
SELECT json_value(attrs, '$.a' DEFAULT ssn ON EMPTY) FROM customers
SELECT jsonb_path_query(attrs, '$.a', to_jsonb(customers)) FROM customers
SELECT jsonb_path_exists(attrs, '$.a ? (@ == $ssn)', to_jsonb(customers)) FROM customers
SELECT XMLELEMENT(NAME ssn, ssn) FROM customers
SELECT VARIADIC ARRAY[ssn] FROM customers
SELECT concat(VARIADIC tags || ssn) FROM customers
SELECT coalesce(NULL, ssn) FROM customers
SELECT * FROM ROWS FROM (unnest(ARRAY(SELECT ssn FROM customers))) AS x
SELECT x FROM unnest((SELECT array_agg(ssn) FROM customers)) x
SELECT x.a FROM jsonb_to_recordset((SELECT jsonb_agg(c) FROM customers c)) AS x(a int, ssn text)
SELECT x.ssn FROM jsonb_to_recordset((SELECT jsonb_agg(c) FROM customers c)) AS x(a int, ssn text)
SELECT x.ssn FROM customers c, jsonb_to_record(to_jsonb(c)) AS x(ssn text)
SELECT jsonb_object_keys(to_jsonb(c)) FROM customers c
SELECT json_object_keys(row_to_json(c)) FROM customers c
SELECT pg_typeof(c)::text FROM customers c
SELECT pg_column_size(c) FROM customers c
SELECT num_nonnulls(c) FROM customers c
SELECT array_to_json(array_agg(c)) FROM customers c
SELECT string_agg(c::text, ',') FROM customers c
SELECT ROW(c, 1)::text FROM customers c
SELECT (ROW(c.*)).f1 FROM customers c
SELECT (SELECT d FROM customers d WHERE d.id = c.id) FROM customers c
SELECT c.* FROM customers c, orders c2
SELECT (c.*) IS NULL FROM customers c
SELECT c.* = c.* FROM customers c
SELECT coalesce(c.*) FROM customers c
SELECT count(c.*) FROM customers c
SELECT max(c.*) FROM customers c
SELECT hr.staff FROM hr.staff
SELECT hr.staff::text FROM hr.staff
SELECT public.customers::text FROM customers
SELECT public.customers FROM customers
SELECT (public.customers).ssn FROM customers
SELECT public.customers.* FROM customers
SELECT (public.customers.*)::text FROM customers
SELECT to_json(public.customers.*) FROM customers
SELECT customers.customers FROM customers
SELECT xmin::text FROM customers
SELECT "ctid" FROM customers
SELECT c."xmax" FROM customers c
SELECT c.tableoid FROM customers c
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
SELECT (SELECT public.customers.ssn FROM (SELECT '5' AS ssn) AS customers) FROM customers
SELECT (SELECT max(q.id) FROM (SELECT public.customers.* FROM (SELECT 1 AS id) AS customers) AS q) FROM customers
SELECT (WITH customers AS (SELECT '5' AS ssn) SELECT public.customers.ssn FROM customers) FROM customers
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
SELECT (SELECT max(d.v) FROM (SELECT '5' AS ssn) AS x, (VALUES (x.ssn)) AS d(v)) FROM customers AS x
SELECT (SELECT CAST(to_json(q) AS TEXT) FROM (SELECT public.customers.* FROM (SELECT 1 AS id) AS customers) AS q) FROM customers
SELECT (SELECT CAST(to_json(ssn) AS TEXT) FROM city AS ssn LIMIT 1) FROM customers
SELECT (SELECT CAST(ssn AS TEXT) FROM (VALUES (1)) AS ssn(a)) FROM customers
SELECT (SELECT max(CAST(ssn AS TEXT)) FROM json_to_record('{}') AS ssn(a int)) FROM customers
SELECT (SELECT ssn FROM unnest(ARRAY[1], ARRAY[2]) AS ssn LIMIT 1) FROM customers
SELECT (SELECT ssn FROM unnest('a b'::tsvector) AS ssn LIMIT 1) FROM customers
SELECT (SELECT aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaax.ssn FROM customers AS aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaay LIMIT 1) FROM (SELECT 'p' AS ssn) AS aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaax
SELECT id AS "Ssn" FROM customers ORDER BY ssn LIMIT 1
(SELECT id AS "Ssn" FROM customers) ORDER BY ssn LIMIT 1
SELECT DISTINCT ON (city) city, id AS "Ssn" FROM customers ORDER BY city, ssn
SELECT count(*) FROM customers TABLESAMPLE SYSTEM (50) REPEATABLE (1)
SELECT id FROM customers TABLESAMPLE BERNOULLI (50) REPEATABLE (1)
SELECT xmin, ctid FROM customers, (SELECT 1) t
SELECT ('select to_tsvector(ssn) from vault'::text).ts_stat
SELECT (lower('select to_tsvector(ssn) from customers')).ts_stat FROM customers
SELECT (q.c).ts_stat FROM (SELECT 'select to_tsvector(ssn) from vault'::text AS c) AS q
SELECT g.ts_stat FROM unnest(ARRAY['select to_tsvector(ssn) from vault']) AS g
SELECT (jsonb_each(to_jsonb(c))).key FROM customers AS c
SELECT coalesce(pg_typeof(1), 'crypt')
SELECT pg_typeof(1) UNION SELECT 'crypt'
SELECT array_append(ARRAY[pg_typeof(1)], 'crypt')
SELECT greatest(pg_typeof(1), 'customers.nick%TYPE')
SELECT t FROM (SELECT pg_typeof(1) AS t) AS q UNION SELECT 'crypt'
