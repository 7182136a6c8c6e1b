-- Statements that go straight to Database.execute, past the guard. A case is a line '-- case: FAMILY' and the text
-- below it. Afterwards every row and the catalogue must be as before, the server must live, and each deadline hold.
-- case: write
INSERT INTO t VALUES (4, 'four', 4.5)
-- case: write
INSERT INTO t SELECT a + 100, b, c FROM t RETURNING a
-- case: write
UPDATE t SET b = 'x'
-- case: write
UPDATE t SET b = 'x' RETURNING *
-- case: write
DELETE FROM t
-- case: write
TRUNCATE t
-- case: write
MERGE INTO t USING t AS s ON t.a = s.a WHEN MATCHED THEN DELETE
-- case: write
WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d
-- case: write
WITH u AS (UPDATE t SET c = 0 RETURNING *) SELECT count(*) FROM u
-- case: write
WITH i AS (INSERT INTO t VALUES (9, 'nine', 9) RETURNING a) SELECT a FROM i
-- case: write
SELECT * INTO stolen FROM t
-- case: write
SELECT * FROM t FOR UPDATE
-- case: write
SELECT * FROM t FOR KEY SHARE
-- case: write
SELECT writes() FROM t
-- case: write
SELECT nextval('s')
-- case: write
SELECT setval('s', 1000)
-- case: write
SELECT lo_create(4242)
-- case: write
SELECT lo_from_bytea(4243, 'x')
-- case: write
SELECT lo_unlink(oid) FROM pg_largeobject_metadata
-- case: schema
DROP TABLE t
-- case: schema
DROP SCHEMA public CASCADE
-- case: schema
CREATE TABLE stolen AS SELECT * FROM t
-- case: schema
CREATE TEMP TABLE stolen (a int)
-- case: schema
CREATE VIEW stolen AS SELECT * FROM t
-- case: schema
CREATE OR REPLACE FUNCTION writes() RETURNS int LANGUAGE sql AS 'SELECT 1'
-- case: schema
CREATE EXTENSION dblink
-- case: schema
ALTER TABLE t ADD COLUMN d int
-- case: schema
ALTER ROLE CURRENT_USER SET statement_timeout = 0
-- case: schema
CREATE ROLE stranger SUPERUSER
-- case: schema
GRANT ALL ON t TO PUBLIC
-- case: schema
COMMENT ON TABLE t IS 'gone'
-- case: schema
REFRESH MATERIALIZED VIEW m
-- case: schema
REINDEX TABLE t
-- case: schema
ANALYZE t
-- case: schema
VACUUM t
-- case: schema
CLUSTER t USING t_pkey
-- case: schema
LOCK TABLE t IN ACCESS EXCLUSIVE MODE
-- case: schema
SECURITY LABEL ON TABLE t IS 'x'
-- case: second
SELECT 1; DROP TABLE t
-- case: second
SELECT 1; SET statement_timeout = 0
-- case: second
SELECT 1; COMMIT; DELETE FROM t
-- case: second
SELECT 1;; DELETE FROM t;
-- case: second
COMMIT
-- case: second
ROLLBACK; DELETE FROM t
-- case: second
SELECT 1 /* ; */ ; DELETE FROM t --
-- case: second
SELECT $$ a; $$; DELETE FROM t
-- case: second
CLOSE ctxprune; DELETE FROM t
-- case: second
SELECT 1 FOR READ ONLY; DELETE FROM t
-- case: second
BEGIN READ WRITE
-- case: second
END
-- case: second
ABORT
-- case: second
SAVEPOINT x
-- case: second
PREPARE TRANSACTION 'x'
-- case: second
PREPARE p AS DELETE FROM t
-- case: second
EXECUTE p
-- case: second
EXPLAIN ANALYZE DELETE FROM t
-- case: second
DECLARE c CURSOR WITH HOLD FOR SELECT 1
-- case: second
FETCH ALL FROM ctxprune
-- case: second
MOVE ALL IN ctxprune
-- case: setting
SET transaction_read_only = off
-- case: setting
SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE
-- case: setting
SELECT set_config('transaction_read_only', 'off', false)
-- case: setting
SELECT set_config('transaction_read_only', 'off', true), writes()
-- case: setting
SELECT set_config('statement_timeout', '0', false), pg_sleep(20)
-- case: setting
SELECT set_config('default_transaction_read_only', 'off', false)
-- case: setting
SELECT set_config('search_path', 'pg_temp, elsewhere', false)
-- case: setting
SELECT set_config('role', 'admin', false)
-- case: setting
SELECT set_config('session_authorization', 'admin', false)
-- case: setting
SELECT set_config('client_encoding', 'LATIN1', false), chr(228)
-- case: setting
SELECT set_config('bytea_output', 'escape', false), '\x00ff5c'::bytea
-- case: setting
UPDATE pg_settings SET setting = 'off' WHERE name = 'transaction_read_only'
-- case: setting
RESET ALL
-- case: setting
DISCARD ALL
-- case: setting
SET ROLE admin
-- case: setting
ALTER SYSTEM SET work_mem = '1GB'
-- case: outside
COPY t TO '/tmp/stolen'
-- case: outside
COPY t TO PROGRAM 'touch /tmp/stolen'
-- case: outside
COPY t FROM PROGRAM 'echo 1'
-- case: outside
COPY t TO STDOUT
-- case: outside
COPY (DELETE FROM t RETURNING *) TO STDOUT
-- case: outside
DO $$ BEGIN DELETE FROM t; END $$
-- case: outside
CALL missing()
-- case: outside
LOAD '/tmp/evil.so'
-- case: outside
SELECT pg_read_file('/etc/passwd')
-- case: outside
SELECT pg_ls_dir('/')
-- case: outside
SELECT lo_import('/etc/passwd')
-- case: outside
SELECT lo_export(1, '/tmp/stolen')
-- case: outside
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()
-- case: outside
SELECT pg_terminate_backend(pg_backend_pid())
-- case: outside
SELECT pg_cancel_backend(pg_backend_pid())
-- case: outside
SELECT pg_reload_conf()
-- case: outside
SELECT query_to_xml('DELETE FROM t', true, true, '')
-- case: outside
SELECT rolpassword FROM pg_authid
-- case: outside
LISTEN news
-- case: outside
NOTIFY news
-- case: outside
SELECT pg_notify('news', 'x')
-- case: outside
SELECT pg_advisory_lock(1), pg_advisory_lock(2)
-- case: outside
SELECT pg_advisory_lock(n) FROM generate_series(1, 100000) AS n
-- case: outside
SELECT pg_create_restore_point('x')
-- case: outside
SELECT pg_stat_reset()
-- case: outside
CHECKPOINT
-- case: heavy
SELECT pg_sleep(30)
-- case: heavy
SELECT count(*) FROM generate_series(1, 100000000000)
-- case: heavy
SELECT n FROM generate_series(1, 100000000000) AS n
-- case: heavy
WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r
-- case: heavy
WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r
-- case: heavy
SELECT repeat('x', 1000000000)
-- case: heavy
SELECT repeat('x', 10000000) FROM generate_series(1, 1000)
-- case: heavy
SELECT count(*) FROM t a, t b, t c, t d, t e, t f, t g, t h, t i, t j, t k, t l, t m, t n, t o, t p, t q, t r, t s
-- case: heavy
SELECT string_agg(md5(n::text), '') FROM generate_series(1, 100000000) AS n
-- case: heavy
SELECT n FROM generate_series(1, 100000000) AS n ORDER BY md5(n::text)
-- case: heavy
SELECT 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' ~ '^(((a+)+)+)+$'
-- case: heavy
SELECT array_agg(n) FROM generate_series(1, 100000000) AS n
-- case: heavy
SELECT 9::numeric ^ 20000
-- case: heavy
SELECT array_fill(1, ARRAY[10000000])
-- case: deep
SELECT {{5000*(}}1{{5000*)}}
-- case: deep
SELECT 1{{5000* + 1}}
-- case: deep
SELECT 1 FROM t{{300*, t}}
-- case: deep
SELECT '{{50000*[}}'::json
-- case: odd
SELECT '{{NUL}}'; DELETE FROM t
-- case: odd
SELECT {{surrogate}}
-- case: odd
-- case: odd
;
-- case: odd
SELECT
-- case: odd
SELECT FROM t
-- case: odd
SELECT $1
-- case: odd
SELECT 1 AS a, 2 AS a
-- case: odd
SHOW ALL
-- case: odd
TABLE t
-- case: odd
VALUES (1), (2)
-- case: odd
SELECT 1/0
-- case: odd
SELECT ROW(1, ROW(2, 'x')), ARRAY[ARRAY[1]], 'infinity'::date, 'NaN'::float8, '294276-12-31'::timestamp
