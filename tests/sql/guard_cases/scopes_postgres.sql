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
