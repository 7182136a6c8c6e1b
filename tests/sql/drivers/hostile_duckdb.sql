-- Statements that go straight to Database.execute, past the guard. A case is a line '-- case: FAMILY' and the text
-- below it. Afterwards every row and the catalogue must be as before, the server must live, and each deadline hold.
-- DIR stands for the folder of the database; beside it lie notes.csv, notes.json and other.duckdb.
-- case: write
INSERT INTO t VALUES (4, 'four', 4.5)
-- case: write
INSERT INTO t SELECT a + 100, b, c FROM t RETURNING a
-- case: write
INSERT OR REPLACE INTO t VALUES (1, 'x', 0)
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
WITH x AS (SELECT 1) INSERT INTO t SELECT 9, 'nine', 9
-- case: write
WITH x AS (SELECT 1) DELETE FROM t
-- case: write
SELECT nextval('numbers')
-- case: write
SELECT * FROM t WHERE a IN (SELECT nextval('numbers') FROM range(10))
-- case: schema
DROP TABLE t
-- case: schema
DROP SCHEMA main CASCADE
-- case: schema
ALTER TABLE t ADD COLUMN d INTEGER
-- case: schema
ALTER TABLE t RENAME TO u
-- case: schema
CREATE TABLE u AS SELECT * FROM t
-- case: schema
CREATE OR REPLACE TABLE t AS SELECT 1 AS a
-- case: schema
CREATE TEMP TABLE u AS SELECT * FROM t
-- case: schema
CREATE TEMP VIEW t AS SELECT 1 AS a
-- case: schema
CREATE VIEW u AS SELECT * FROM t
-- case: schema
CREATE INDEX i2 ON t (b)
-- case: schema
CREATE SEQUENCE s2
-- case: schema
CREATE TYPE mood2 AS ENUM ('a', 'b')
-- case: schema
CREATE MACRO count_star() AS 0
-- case: schema
CREATE TEMP MACRO lower(x) AS 'x'
-- case: schema
CREATE SCHEMA evil
-- case: schema
CREATE SECRET evil (TYPE s3, KEY_ID 'x', SECRET 'y')
-- case: schema
CREATE TEMPORARY SECRET evil (TYPE http)
-- case: schema
COMMENT ON TABLE t IS 'owned'
-- case: schema
COMMENT ON COLUMN t.b IS 'owned'
-- case: schema
PIVOT t ON b USING sum(c)
-- case: schema
SELECT * FROM (PIVOT t ON b USING sum(c))
-- case: second
SELECT 1; DROP TABLE t
-- case: second
SELECT 1; SELECT 2
-- case: second
; DELETE FROM t
-- case: second
SELECT 1 /* */; -- x
INSERT INTO t VALUES (5, 'five', 5)
-- case: second
BEGIN; DELETE FROM t; COMMIT
-- case: setting
BEGIN TRANSACTION
-- case: setting
COMMIT
-- case: setting
PREPARE p AS DELETE FROM t
-- case: setting
EXECUTE p
-- case: setting
DEALLOCATE p
-- case: setting
SET memory_limit = '100GB'
-- case: setting
SET enable_external_access = true
-- case: setting
SET GLOBAL threads = 64
-- case: setting
RESET lock_configuration
-- case: setting
SET VARIABLE x = 1
-- case: setting
SET search_path = 'evil'
-- case: setting
USE memory
-- case: setting
PRAGMA database_size
-- case: setting
PRAGMA enable_profiling
-- case: setting
PRAGMA memory_limit = '100GB'
-- case: setting
EXPLAIN ANALYZE SELECT * FROM t
-- case: setting
CALL pragma_table_info('t')
-- case: setting
CHECKPOINT
-- case: setting
FORCE CHECKPOINT
-- case: setting
SELECT * FROM checkpoint()
-- case: setting
SELECT * FROM force_checkpoint()
-- case: setting
VACUUM
-- case: setting
ANALYZE
-- case: setting
CALL enable_logging()
-- case: setting
SELECT * FROM enable_logging(storage_path = 'DIR/logs')
-- case: setting
SELECT write_log('owned')
-- case: outside
ATTACH 'DIR/new.duckdb' AS n
-- case: outside
ATTACH 'DIR/other.duckdb' AS o (READ_ONLY)
-- case: outside
ATTACH ':memory:' AS m
-- case: outside
DETACH victim
-- case: outside
COPY t TO 'DIR/stolen.csv'
-- case: outside
COPY (SELECT * FROM t) TO 'DIR/stolen.parquet' (FORMAT parquet)
-- case: outside
COPY t FROM 'DIR/notes.csv'
-- case: outside
COPY FROM DATABASE victim TO memory
-- case: outside
EXPORT DATABASE 'DIR/export'
-- case: outside
IMPORT DATABASE 'DIR'
-- case: outside
SELECT * FROM 'DIR/notes.csv'
-- case: outside
SELECT * FROM "DIR/notes.csv"
-- case: outside
SELECT * FROM read_csv('DIR/notes.csv')
-- case: outside
SELECT * FROM read_csv_auto(['DIR/notes.csv'])
-- case: outside
SELECT * FROM sniff_csv('DIR/notes.csv')
-- case: outside
SELECT * FROM read_json('DIR/notes.json')
-- case: outside
SELECT * FROM read_ndjson_objects('DIR/notes.json')
-- case: outside
SELECT * FROM read_text('DIR/notes.csv')
-- case: outside
SELECT * FROM read_blob('/etc/passwd')
-- case: outside
SELECT content FROM read_text('/proc/self/environ')
-- case: outside
SELECT * FROM read_parquet('DIR/notes.parquet')
-- case: outside
SELECT * FROM parquet_metadata('DIR/notes.parquet')
-- case: outside
SELECT * FROM glob('/etc/*')
-- case: outside
SELECT * FROM read_duckdb('DIR/other.duckdb', table_name = 't')
-- case: outside
SELECT * FROM query('COPY t TO ''DIR/stolen.csv''')
-- case: outside
SELECT * FROM query_table('DIR/notes.csv')
-- case: outside
SELECT getenv('HOME')
-- case: outside
SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')
-- case: outside
SELECT * FROM 'https://127.0.0.1:9/x.parquet'
-- case: outside
INSTALL httpfs
-- case: outside
INSTALL spatial FROM 'http://127.0.0.1:9'
-- case: outside
LOAD httpfs
-- case: outside
LOAD 'DIR/evil.duckdb_extension'
-- case: outside
UPDATE EXTENSIONS
-- case: outside
SELECT * FROM sqlite_scan('DIR/other.sqlite', 't')
-- case: outside
SELECT * FROM postgres_query('x', 'DROP TABLE t')
-- case: outside
SELECT * FROM pandas_scan(1)
-- case: outside
SELECT * FROM arrow_scan(1, 1, 1)
-- case: outside
SELECT * FROM arrow_scan(1::POINTER, 1::POINTER, 1::POINTER)
-- case: outside
SELECT * FROM python_map_function(1)
-- case: outside
SELECT * FROM json_execute_serialized_sql(json_serialize_sql('DROP TABLE t'))
-- case: outside
PRAGMA json_execute_serialized_sql(json_serialize_sql('SELECT 1'))
-- case: outside
SELECT * FROM victims
-- case: outside
SELECT * FROM df
-- case: outside
SELECT * FROM dbgen(sf = 1)
-- case: outside
SELECT * FROM dsdgen(sf = 1)
-- case: heavy
SELECT count(*) FROM range(1000000000000)
-- case: heavy
WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT count(*) FROM r
-- case: heavy
SELECT sum(sin(p.range) * cos(q.range)) FROM range(1000000) AS p, range(1000000) AS q
-- case: heavy
SELECT length(regexp_replace(repeat('ab', 5000000), 'a', 'xx', 'g'))
-- case: heavy
SELECT levenshtein(repeat('ab', 100000), repeat('ba', 100000))
-- case: heavy
SELECT jaccard(repeat('abc', 10000000), repeat('cab', 10000000)) FROM range(100)
-- case: heavy
SELECT md5(repeat('x', 100000000)) FROM range(1000)
-- case: heavy
SELECT list_sort(list_transform(range(3000000), lambda x: hash(x))) FROM range(100)
-- case: heavy
SELECT count(*) FROM range(100000) AS p, range(100000) AS q WHERE (p.range || q.range) LIKE '%99%99%99%'
-- case: heavy
SELECT sleep_ms(60000)
-- case: heavy
SELECT setseed(0.5), sum(random()) FROM range(100000000000)
-- case: heavy
SELECT length(repeat('x', 4000000000))
-- case: heavy
SELECT length(repeat(repeat('x', 1000000), 1000000))
-- case: heavy
SELECT length(lpad('x', 2000000000, 'y'))
-- case: heavy
SELECT length(format('{:>2000000000}', 'x'))
-- case: heavy
SELECT length(printf('%2000000000d', 1))
-- case: heavy
SELECT list_sum(range(1000000000))
-- case: heavy
SELECT bitstring('1', 2000000000)
-- case: heavy
SELECT length(string_agg(range || repeat('x', 1000), ',')) FROM range(100000000)
-- case: heavy
SELECT len(list(range)) FROM range(1000000000)
-- case: heavy
SELECT * FROM range(100000000) ORDER BY hash(range)
-- case: heavy
SELECT range % 50000000, count(*) FROM range(1000000000) GROUP BY 1 ORDER BY 2
-- case: heavy
SELECT * FROM range(30000000) AS p JOIN range(30000000) AS q ON hash(p.range) = hash(q.range)
-- case: heavy
SELECT row_number() OVER (ORDER BY hash(range)) FROM range(100000000)
-- case: heavy
SELECT unnest(range(1000000000))
-- case: heavy
SELECT json_group_array(range) FROM range(1000000000)
-- case: heavy
SELECT array_to_string(range(500000000), ',')
-- case: heavy
SELECT histogram(range) FROM range(1000000000)
-- case: heavy
SELECT * FROM repeat(repeat('x', 10000000), 1000000)
-- case: heavy
SELECT * FROM generate_series(1, 1000000000000)
-- case: odd
SELECT
-- case: odd
-- nothing but a comment
-- case: odd
;;;
-- case: odd
SELECT $1
-- case: odd
SELECT ?
-- case: odd
SELECT 'a' || chr(0) || 'b'
-- case: odd
SELECT interval '1000000000 days'
-- case: odd
SELECT 'infinity'::TIMESTAMP, '-infinity'::DATE, 'nan'::DOUBLE
-- case: odd
SELECT error('owned')
-- case: odd
SELECT * FROM test_all_types()
-- case: odd
SELECT getvariable('x')
-- case: odd
SELECT current_setting('secret_directory')
-- case: odd
SELECT * FROM duckdb_secrets()
-- case: odd
SELECT * FROM evil
-- case: odd
SUMMARIZE t
-- case: odd
SELECT a, b FROM t ORDER BY a LIMIT 1 OFFSET 9223372036854775807
