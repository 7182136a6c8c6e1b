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
