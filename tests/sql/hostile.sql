-- Statements that must leave a database and its folder unchanged, sent straight to Database.execute.
-- A case is a line '-- case: FAMILY -> OUTCOMES' (class names, any of them) and the text below it, final newline off.
-- {{N*text}} stands for the text N times, {{NUL}} for a null character, {{DIR}} and {{DB}} for the test's paths,
-- {{surrogate}} for a lone surrogate.
-- case: insert -> QueryError
INSERT INTO t DEFAULT VALUES
-- case: insert -> QueryError
INSERT OR REPLACE INTO t VALUES (1)
-- case: insert -> QueryError
REPLACE INTO t VALUES (1, 2)
-- case: insert -> QueryError
INSERT INTO t SELECT * FROM t
-- case: insert -> QueryError
INSERT OR IGNORE INTO t VALUES (1, 'x', 2.0)
-- case: update -> QueryError
UPDATE t SET a = 1
-- case: update -> QueryError
UPDATE OR IGNORE t SET rowid = rowid + 1
-- case: update -> QueryError
UPDATE t SET (a, b) = (SELECT 1, 2)
-- case: update -> QueryError
UPDATE t SET a = 2 FROM t AS u WHERE u.a = 1
-- case: delete -> QueryError
DELETE FROM t
-- case: delete -> QueryError
DELETE FROM t WHERE 1
-- case: delete -> QueryError
DELETE FROM t WHERE rowid IN (SELECT rowid FROM t) RETURNING *
-- case: insert -> QueryError
INSERT INTO "odd name" DEFAULT VALUES
-- case: insert -> QueryError
INSERT OR REPLACE INTO "odd name" VALUES (1)
-- case: insert -> QueryError
REPLACE INTO "odd name" VALUES (1, 2)
-- case: insert -> QueryError
INSERT INTO "odd name" SELECT * FROM t
-- case: insert -> QueryError
INSERT OR IGNORE INTO "odd name" VALUES (1, 'x', 2.0)
-- case: update -> QueryError
UPDATE "odd name" SET a = 1
-- case: update -> QueryError
UPDATE OR IGNORE "odd name" SET rowid = rowid + 1
-- case: update -> QueryError
UPDATE "odd name" SET (a, b) = (SELECT 1, 2)
-- case: update -> QueryError
UPDATE "odd name" SET a = 2 FROM t AS u WHERE u.a = 1
-- case: delete -> QueryError
DELETE FROM "odd name"
-- case: delete -> QueryError
DELETE FROM "odd name" WHERE 1
-- case: delete -> QueryError
DELETE FROM "odd name" WHERE rowid IN (SELECT rowid FROM t) RETURNING *
-- case: insert -> QueryError
INSERT INTO main.t DEFAULT VALUES
-- case: insert -> QueryError
INSERT OR REPLACE INTO main.t VALUES (1)
-- case: insert -> QueryError
REPLACE INTO main.t VALUES (1, 2)
-- case: insert -> QueryError
INSERT INTO main.t SELECT * FROM t
-- case: insert -> QueryError
INSERT OR IGNORE INTO main.t VALUES (1, 'x', 2.0)
-- case: update -> QueryError
UPDATE main.t SET a = 1
-- case: update -> QueryError
UPDATE OR IGNORE main.t SET rowid = rowid + 1
-- case: update -> QueryError
UPDATE main.t SET (a, b) = (SELECT 1, 2)
-- case: update -> QueryError
UPDATE main.t SET a = 2 FROM t AS u WHERE u.a = 1
-- case: delete -> QueryError
DELETE FROM main.t
-- case: delete -> QueryError
DELETE FROM main.t WHERE 1
-- case: delete -> QueryError
DELETE FROM main.t WHERE rowid IN (SELECT rowid FROM t) RETURNING *
-- case: insert -> QueryError
INSERT INTO v DEFAULT VALUES
-- case: insert -> QueryError
INSERT OR REPLACE INTO v VALUES (1)
-- case: insert -> QueryError
REPLACE INTO v VALUES (1, 2)
-- case: insert -> QueryError
INSERT INTO v SELECT * FROM t
-- case: insert -> QueryError
INSERT OR IGNORE INTO v VALUES (1, 'x', 2.0)
-- case: update -> QueryError
UPDATE v SET a = 1
-- case: update -> QueryError
UPDATE OR IGNORE v SET rowid = rowid + 1
-- case: update -> QueryError
UPDATE v SET (a, b) = (SELECT 1, 2)
-- case: update -> QueryError
UPDATE v SET a = 2 FROM t AS u WHERE u.a = 1
-- case: delete -> QueryError
DELETE FROM v
-- case: delete -> QueryError
DELETE FROM v WHERE 1
-- case: delete -> QueryError
DELETE FROM v WHERE rowid IN (SELECT rowid FROM t) RETURNING *
-- case: insert -> QueryError
INSERT INTO ft DEFAULT VALUES
-- case: insert -> QueryError
INSERT OR REPLACE INTO ft VALUES (1)
-- case: insert -> QueryError
REPLACE INTO ft VALUES (1, 2)
-- case: insert -> QueryError
INSERT INTO ft SELECT * FROM t
-- case: insert -> QueryError
INSERT OR IGNORE INTO ft VALUES (1, 'x', 2.0)
-- case: update -> QueryError
UPDATE ft SET a = 1
-- case: update -> QueryError
UPDATE OR IGNORE ft SET rowid = rowid + 1
-- case: update -> QueryError
UPDATE ft SET (a, b) = (SELECT 1, 2)
-- case: update -> QueryError
UPDATE ft SET a = 2 FROM t AS u WHERE u.a = 1
-- case: delete -> QueryError
DELETE FROM ft
-- case: delete -> QueryError
DELETE FROM ft WHERE 1
-- case: delete -> QueryError
DELETE FROM ft WHERE rowid IN (SELECT rowid FROM t) RETURNING *
-- case: insert -> QueryError
INSERT INTO rt DEFAULT VALUES
-- case: insert -> QueryError
INSERT OR REPLACE INTO rt VALUES (1)
-- case: insert -> QueryError
REPLACE INTO rt VALUES (1, 2)
-- case: insert -> QueryError
INSERT INTO rt SELECT * FROM t
-- case: insert -> QueryError
INSERT OR IGNORE INTO rt VALUES (1, 'x', 2.0)
-- case: update -> QueryError
UPDATE rt SET a = 1
-- case: update -> QueryError
UPDATE OR IGNORE rt SET rowid = rowid + 1
-- case: update -> QueryError
UPDATE rt SET (a, b) = (SELECT 1, 2)
-- case: update -> QueryError
UPDATE rt SET a = 2 FROM t AS u WHERE u.a = 1
-- case: delete -> QueryError
DELETE FROM rt
-- case: delete -> QueryError
DELETE FROM rt WHERE 1
-- case: delete -> QueryError
DELETE FROM rt WHERE rowid IN (SELECT rowid FROM t) RETURNING *
-- case: insert -> QueryError
INSERT INTO sqlite_master DEFAULT VALUES
-- case: insert -> QueryError
INSERT OR REPLACE INTO sqlite_master VALUES (1)
-- case: insert -> QueryError
REPLACE INTO sqlite_master VALUES (1, 2)
-- case: insert -> QueryError
INSERT INTO sqlite_master SELECT * FROM t
-- case: insert -> QueryError
INSERT OR IGNORE INTO sqlite_master VALUES (1, 'x', 2.0)
-- case: update -> QueryError
UPDATE sqlite_master SET a = 1
-- case: update -> QueryError
UPDATE OR IGNORE sqlite_master SET rowid = rowid + 1
-- case: update -> QueryError
UPDATE sqlite_master SET (a, b) = (SELECT 1, 2)
-- case: update -> QueryError
UPDATE sqlite_master SET a = 2 FROM t AS u WHERE u.a = 1
-- case: delete -> QueryError
DELETE FROM sqlite_master
-- case: delete -> QueryError
DELETE FROM sqlite_master WHERE 1
-- case: delete -> QueryError
DELETE FROM sqlite_master WHERE rowid IN (SELECT rowid FROM t) RETURNING *
-- case: insert -> QueryError
INSERT INTO sqlite_sequence DEFAULT VALUES
-- case: insert -> QueryError
INSERT OR REPLACE INTO sqlite_sequence VALUES (1)
-- case: insert -> QueryError
REPLACE INTO sqlite_sequence VALUES (1, 2)
-- case: insert -> QueryError
INSERT INTO sqlite_sequence SELECT * FROM t
-- case: insert -> QueryError
INSERT OR IGNORE INTO sqlite_sequence VALUES (1, 'x', 2.0)
-- case: update -> QueryError
UPDATE sqlite_sequence SET a = 1
-- case: update -> QueryError
UPDATE OR IGNORE sqlite_sequence SET rowid = rowid + 1
-- case: update -> QueryError
UPDATE sqlite_sequence SET (a, b) = (SELECT 1, 2)
-- case: update -> QueryError
UPDATE sqlite_sequence SET a = 2 FROM t AS u WHERE u.a = 1
-- case: delete -> QueryError
DELETE FROM sqlite_sequence
-- case: delete -> QueryError
DELETE FROM sqlite_sequence WHERE 1
-- case: delete -> QueryError
DELETE FROM sqlite_sequence WHERE rowid IN (SELECT rowid FROM t) RETURNING *
-- case: insert -> QueryError
INSERT INTO temp.x DEFAULT VALUES
-- case: insert -> QueryError
INSERT OR REPLACE INTO temp.x VALUES (1)
-- case: insert -> QueryError
REPLACE INTO temp.x VALUES (1, 2)
-- case: insert -> QueryError
INSERT INTO temp.x SELECT * FROM t
-- case: insert -> QueryError
INSERT OR IGNORE INTO temp.x VALUES (1, 'x', 2.0)
-- case: update -> QueryError
UPDATE temp.x SET a = 1
-- case: update -> QueryError
UPDATE OR IGNORE temp.x SET rowid = rowid + 1
-- case: update -> QueryError
UPDATE temp.x SET (a, b) = (SELECT 1, 2)
-- case: update -> QueryError
UPDATE temp.x SET a = 2 FROM t AS u WHERE u.a = 1
-- case: delete -> QueryError
DELETE FROM temp.x
-- case: delete -> QueryError
DELETE FROM temp.x WHERE 1
-- case: delete -> QueryError
DELETE FROM temp.x WHERE rowid IN (SELECT rowid FROM t) RETURNING *
-- case: insert -> QueryError
INSERT INTO t(a) VALUES (9) RETURNING a
-- case: insert -> QueryError
INSERT INTO t(a) VALUES (1) ON CONFLICT DO UPDATE SET a = 5
-- case: insert -> QueryError
WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x
-- case: insert -> QueryError
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 5) INSERT INTO t(a) SELECT n FROM r
-- case: insert -> QueryError
/* SELECT */ INSERT INTO t(a) VALUES (1)
-- case: insert -> QueryError
-- SELECT
INSERT INTO t(a) VALUES (1)
-- case: insert -> QueryError
  
	 INSERT
INTO
t(a) VALUES (1);
-- case: insert -> QueryError
insert into t(a) values (randomblob(1e9))
-- case: delete -> QueryError
WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d
-- case: delete -> QueryError
SELECT * FROM (DELETE FROM t RETURNING *)
-- case: delete -> QueryError
WITH x AS (SELECT 1) DELETE FROM t WHERE a IN x
-- case: delete -> QueryError
DELETE FROM t LIMIT 1
-- case: delete -> QueryError
TRUNCATE TABLE t
-- case: update -> QueryError
WITH x AS (SELECT 1) UPDATE t SET a = (SELECT * FROM x)
-- case: update -> QueryError
UPDATE t SET b = zeroblob(1000000000)
-- case: update -> QueryError
UPDATE sqlite_master SET sql = 'CREATE TABLE t(z)' WHERE name = 't'
-- case: update -> QueryError
UPDATE t SET a = a + 1 RETURNING a
-- case: update -> QueryError
UPDATE t INDEXED BY i SET a = 0
-- case: update -> QueryError
UPDATE t SET a = 1 ORDER BY a LIMIT 1
-- case: create -> QueryError
CREATE TABLE zz(a)
-- case: create -> QueryError
CREATE TABLE zz AS SELECT * FROM t
-- case: create -> QueryError
CREATE TABLE zz(a INTEGER PRIMARY KEY, b TEXT) WITHOUT ROWID
-- case: create -> QueryError
CREATE TEMP TABLE zz(a)
-- case: create -> QueryError
CREATE TEMP TABLE zz AS SELECT * FROM t
-- case: create -> QueryError
CREATE TEMP TABLE zz(a INTEGER PRIMARY KEY, b TEXT) WITHOUT ROWID
-- case: create -> QueryError
CREATE TEMPORARY TABLE zz(a)
-- case: create -> QueryError
CREATE TEMPORARY TABLE zz AS SELECT * FROM t
-- case: create -> QueryError
CREATE TEMPORARY TABLE zz(a INTEGER PRIMARY KEY, b TEXT) WITHOUT ROWID
-- case: create -> QueryError
CREATE TABLE IF NOT EXISTS zz(a)
-- case: create -> QueryError
CREATE TABLE IF NOT EXISTS zz AS SELECT * FROM t
-- case: create -> QueryError
CREATE TABLE IF NOT EXISTS zz(a INTEGER PRIMARY KEY, b TEXT) WITHOUT ROWID
-- case: create -> QueryError
CREATE TEMP TABLE IF NOT EXISTS zz(a)
-- case: create -> QueryError
CREATE TEMP TABLE IF NOT EXISTS zz AS SELECT * FROM t
-- case: create -> QueryError
CREATE TEMP TABLE IF NOT EXISTS zz(a INTEGER PRIMARY KEY, b TEXT) WITHOUT ROWID
-- case: create -> QueryError
CREATE TABLE main.zz(a)
-- case: create -> QueryError
CREATE TABLE temp.zz(a)
-- case: create -> QueryError
CREATE TABLE zz(a) STRICT
-- case: create -> QueryError
CREATE VIEW zv AS SELECT 1
-- case: create -> QueryError
CREATE VIEW zv(a) AS SELECT load_extension('x')
-- case: create -> QueryError
CREATE TEMP VIEW zv AS SELECT 1
-- case: create -> QueryError
CREATE TEMP VIEW zv(a) AS SELECT load_extension('x')
-- case: create -> QueryError
CREATE VIEW IF NOT EXISTS zv AS SELECT 1
-- case: create -> QueryError
CREATE VIEW IF NOT EXISTS zv(a) AS SELECT load_extension('x')
-- case: create -> QueryError
CREATE TEMP VIEW IF NOT EXISTS zv AS SELECT 1
-- case: create -> QueryError
CREATE TEMP VIEW IF NOT EXISTS zv(a) AS SELECT load_extension('x')
-- case: create -> QueryError
CREATE INDEX zi ON t(a)
-- case: create -> QueryError
CREATE INDEX zi ON t(abs(a)) WHERE a > 1
-- case: create -> QueryError
CREATE UNIQUE INDEX zi ON t(a)
-- case: create -> QueryError
CREATE UNIQUE INDEX zi ON t(abs(a)) WHERE a > 1
-- case: create -> QueryError
CREATE INDEX IF NOT EXISTS zi ON t(a)
-- case: create -> QueryError
CREATE INDEX IF NOT EXISTS zi ON t(abs(a)) WHERE a > 1
-- case: create -> QueryError
CREATE TRIGGER tr AFTER INSERT ON t BEGIN DELETE FROM t; END
-- case: create -> QueryError
CREATE TRIGGER tr BEFORE DELETE ON t BEGIN DELETE FROM t; END
-- case: create -> QueryError
CREATE TRIGGER tr AFTER UPDATE OF a ON t BEGIN DELETE FROM t; END
-- case: create -> QueryError
CREATE TEMP TRIGGER tr AFTER INSERT ON t BEGIN DELETE FROM t; END
-- case: create -> QueryError
CREATE TEMP TRIGGER tr BEFORE DELETE ON t BEGIN DELETE FROM t; END
-- case: create -> QueryError
CREATE TEMP TRIGGER tr AFTER UPDATE OF a ON t BEGIN DELETE FROM t; END
-- case: create -> QueryError
CREATE TRIGGER tr INSTEAD OF INSERT ON v BEGIN SELECT 1; END
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE zv USING fts5(a)
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE temp.zv USING fts5(a)
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE zv USING fts4(a)
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE temp.zv USING fts4(a)
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE zv USING fts3(a)
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE temp.zv USING fts3(a)
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE zv USING fts3tokenize
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE temp.zv USING fts3tokenize
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE zv USING fts5vocab(ft, row)
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE temp.zv USING fts5vocab(ft, row)
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE zv USING rtree(id, x0, x1)
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE temp.zv USING rtree(id, x0, x1)
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE zv USING dbstat
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE temp.zv USING dbstat
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE zv USING sqlite_dbpage
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE temp.zv USING sqlite_dbpage
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE zv USING csv(filename="/etc/passwd")
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE temp.zv USING csv(filename="/etc/passwd")
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE zv USING fsdir
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE temp.zv USING fsdir
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE zv USING json_each
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE temp.zv USING json_each
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE zv USING zipfile("x.zip")
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE temp.zv USING zipfile("x.zip")
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE zv USING nope
-- case: create_virtual -> QueryError
CREATE VIRTUAL TABLE temp.zv USING nope
-- case: drop -> QueryError
DROP TABLE t
-- case: drop -> QueryError
DROP TABLE IF EXISTS t
-- case: drop -> QueryError
DROP TABLE main.t
-- case: drop -> QueryError
DROP TABLE "odd name"
-- case: drop -> QueryError
DROP TABLE IF EXISTS "odd name"
-- case: drop -> QueryError
DROP TABLE main."odd name"
-- case: drop -> QueryError
DROP VIEW v
-- case: drop -> QueryError
DROP VIEW IF EXISTS v
-- case: drop -> QueryError
DROP VIEW main.v
-- case: drop -> QueryError
DROP INDEX i
-- case: drop -> QueryError
DROP INDEX IF EXISTS i
-- case: drop -> QueryError
DROP INDEX main.i
-- case: drop -> QueryError
DROP TRIGGER g
-- case: drop -> QueryError
DROP TRIGGER IF EXISTS g
-- case: drop -> QueryError
DROP TRIGGER main.g
-- case: drop -> QueryError
DROP TABLE ft
-- case: drop -> QueryError
DROP TABLE IF EXISTS ft
-- case: drop -> QueryError
DROP TABLE main.ft
-- case: drop -> QueryError
DROP TABLE ft_data
-- case: drop -> QueryError
DROP TABLE IF EXISTS ft_data
-- case: drop -> QueryError
DROP TABLE main.ft_data
-- case: drop -> QueryError
DROP TABLE sqlite_master
-- case: drop -> QueryError
DROP TABLE IF EXISTS sqlite_master
-- case: drop -> QueryError
DROP TABLE main.sqlite_master
-- case: drop -> QueryError
DROP TABLE sqlite_sequence
-- case: drop -> QueryError
DROP TABLE IF EXISTS sqlite_sequence
-- case: drop -> QueryError
DROP TABLE main.sqlite_sequence
-- case: drop -> QueryError
DROP TABLE sqlite_stat1
-- case: drop -> QueryError
DROP TABLE IF EXISTS sqlite_stat1
-- case: drop -> QueryError
DROP TABLE main.sqlite_stat1
-- case: alter -> QueryError
ALTER TABLE t RENAME TO u
-- case: alter -> QueryError
ALTER TABLE t RENAME COLUMN a TO z
-- case: alter -> QueryError
ALTER TABLE t ADD COLUMN z
-- case: alter -> QueryError
ALTER TABLE t DROP COLUMN b
-- case: alter -> QueryError
ALTER TABLE "odd name" RENAME TO x
-- case: alter -> QueryError
ALTER TABLE main.t ADD COLUMN z TEXT DEFAULT 'x'
-- case: maintenance -> QueryError
VACUUM
-- case: maintenance -> QueryError
VACUUM main
-- case: maintenance -> QueryError
VACUUM INTO 'copy.db'
-- case: maintenance -> QueryError
VACUUM main INTO 'copy.db'
-- case: maintenance -> QueryError
VACUUM INTO '{{DIR}}/copy.db'
-- case: maintenance -> QueryError
VACUUM INTO 'file:copy.db?mode=rwc'
-- case: maintenance -> QueryError
VACUUM INTO (SELECT 'copy.db')
-- case: maintenance -> QueryError
VACUUM temp
-- case: maintenance -> QueryError
REINDEX
-- case: maintenance -> QueryError
REINDEX t
-- case: maintenance -> QueryError
REINDEX i
-- case: maintenance -> QueryError
REINDEX nocase
-- case: maintenance -> QueryError
ANALYZE
-- case: maintenance -> QueryError
ANALYZE t
-- case: maintenance -> QueryError
ANALYZE main
-- case: maintenance -> QueryError
ANALYZE sqlite_master
-- case: attach -> QueryError
ATTACH 'new.db' AS n
-- case: attach -> QueryError
ATTACH DATABASE 'new.db' AS "select"
-- case: attach -> QueryError
ATTACH '{{DIR}}/new.db' AS n
-- case: attach -> QueryError
ATTACH DATABASE '{{DIR}}/new.db' AS "select"
-- case: attach -> QueryError
ATTACH 'file:new.db?mode=rwc' AS n
-- case: attach -> QueryError
ATTACH DATABASE 'file:new.db?mode=rwc' AS "select"
-- case: attach -> QueryError
ATTACH 'file:{{DIR}}/new.db?mode=rwc&cache=shared' AS n
-- case: attach -> QueryError
ATTACH DATABASE 'file:{{DIR}}/new.db?mode=rwc&cache=shared' AS "select"
-- case: attach -> QueryError
ATTACH ':memory:' AS n
-- case: attach -> QueryError
ATTACH DATABASE ':memory:' AS "select"
-- case: attach -> QueryError
ATTACH '' AS n
-- case: attach -> QueryError
ATTACH DATABASE '' AS "select"
-- case: attach -> QueryError
ATTACH '/etc/passwd' AS n
-- case: attach -> QueryError
ATTACH DATABASE '/etc/passwd' AS "select"
-- case: attach -> QueryError
ATTACH 'file::memory:?cache=shared' AS n
-- case: attach -> QueryError
ATTACH DATABASE 'file::memory:?cache=shared' AS "select"
-- case: attach -> QueryError
ATTACH (SELECT 'new.db') AS n
-- case: attach -> QueryError
ATTACH DATABASE (SELECT 'new.db') AS "select"
-- case: attach -> QueryError
ATTACH '{{DB}}' AS n
-- case: attach -> QueryError
ATTACH DATABASE '{{DB}}' AS "select"
-- case: attach -> QueryError
ATTACH 'file:{{DB}}?mode=rw' AS n
-- case: attach -> QueryError
ATTACH DATABASE 'file:{{DB}}?mode=rw' AS "select"
-- case: attach -> QueryError
ATTACH printf('%s', 'new.db') AS n
-- case: attach -> QueryError
ATTACH DATABASE printf('%s', 'new.db') AS "select"
-- case: attach -> QueryError
ATTACH x'6e65772e6462' AS n
-- case: attach -> QueryError
ATTACH DATABASE x'6e65772e6462' AS "select"
-- case: attach -> QueryError
ATTACH NULL AS n
-- case: attach -> QueryError
ATTACH DATABASE NULL AS "select"
-- case: attach -> QueryError
ATTACH 'new.db' AS n KEY 'secret'
-- case: attach -> QueryError
DETACH main
-- case: attach -> QueryError
DETACH temp
-- case: attach -> QueryError
DETACH DATABASE n
-- case: attach -> QueryError
EXPLAIN ATTACH 'new.db' AS n
-- case: attach -> QueryError
attach'new.db'as'n'
-- case: pragma -> QueryError
PRAGMA journal_mode=WAL
-- case: pragma -> QueryError
PRAGMA journal_mode=DELETE
-- case: pragma -> QueryError
PRAGMA journal_mode=PERSIST
-- case: pragma -> QueryError
PRAGMA journal_mode=OFF
-- case: pragma -> QueryError
PRAGMA main.journal_mode=MEMORY
-- case: pragma -> QueryError
PRAGMA writable_schema=ON
-- case: pragma -> QueryError
PRAGMA writable_schema=RESET
-- case: pragma -> QueryError
PRAGMA schema_version=1
-- case: pragma -> QueryError
PRAGMA user_version=7
-- case: pragma -> QueryError
PRAGMA application_id=7
-- case: pragma -> QueryError
PRAGMA auto_vacuum=FULL
-- case: pragma -> QueryError
PRAGMA incremental_vacuum(10)
-- case: pragma -> QueryError
PRAGMA page_size=512
-- case: pragma -> QueryError
PRAGMA encoding="UTF-16"
-- case: pragma -> QueryError
PRAGMA secure_delete=ON
-- case: pragma -> QueryError
PRAGMA wal_checkpoint(TRUNCATE)
-- case: pragma -> QueryError
PRAGMA wal_autocheckpoint=1
-- case: pragma -> QueryError
PRAGMA locking_mode=EXCLUSIVE
-- case: pragma -> QueryError
PRAGMA query_only=OFF
-- case: pragma -> QueryError
PRAGMA trusted_schema=ON
-- case: pragma -> QueryError
PRAGMA temp_store_directory="."
-- case: pragma -> QueryError
PRAGMA temp_store=FILE
-- case: pragma -> QueryError
PRAGMA data_store_directory="."
-- case: pragma -> QueryError
PRAGMA mmap_size=1000000000
-- case: pragma -> QueryError
PRAGMA cache_size=1000000
-- case: pragma -> QueryError
PRAGMA cache_spill=ON
-- case: pragma -> QueryError
PRAGMA hard_heap_limit=0
-- case: pragma -> QueryError
PRAGMA soft_heap_limit=0
-- case: pragma -> QueryError
PRAGMA synchronous=OFF
-- case: pragma -> QueryError
PRAGMA foreign_keys=OFF
-- case: pragma -> QueryError
PRAGMA ignore_check_constraints=ON
-- case: pragma -> QueryError
PRAGMA recursive_triggers=ON
-- case: pragma -> QueryError
PRAGMA legacy_alter_table=ON
-- case: pragma -> QueryError
PRAGMA case_sensitive_like=ON
-- case: pragma -> QueryError
PRAGMA threads=8
-- case: pragma -> QueryError
PRAGMA optimize
-- case: pragma -> QueryError
PRAGMA integrity_check
-- case: pragma -> QueryError
PRAGMA quick_check
-- case: pragma -> QueryError
PRAGMA shrink_memory
-- case: pragma -> QueryError
PRAGMA key="x"
-- case: pragma -> QueryError
PRAGMA rekey="x"
-- case: pragma -> QueryError
PRAGMA hexkey="00"
-- case: pragma -> QueryError
PRAGMA lock_proxy_file="p"
-- case: pragma -> QueryError
PRAGMA max_page_count=1
-- case: pragma -> QueryError
PRAGMA journal_size_limit=0
-- case: pragma -> QueryError
PRAGMA busy_timeout=100000000
-- case: pragma -> QueryError
PRAGMA analysis_limit=1
-- case: pragma -> QueryError
PRAGMA database_list
-- case: pragma -> QueryError
PRAGMA table_info(t)
-- case: pragma -> QueryError
PRAGMA table_list
-- case: pragma -> QueryError
PRAGMA function_list
-- case: pragma -> QueryError
PRAGMA module_list
-- case: pragma -> QueryError
PRAGMA compile_options
-- case: pragma -> QueryError
PRAGMA foreign_key_check
-- case: pragma -> QueryError
PRAGMA stats
-- case: pragma -> QueryError
PRAGMA vdbe_trace=ON
-- case: pragma -> QueryError
PRAGMA parser_trace=ON
-- case: pragma -> QueryError
PRAGMA fullfsync=1
-- case: pragma -> QueryError
PRAGMA default_cache_size=9
-- case: pragma_function -> QueryError
SELECT * FROM pragma_table_info('t')
-- case: pragma_function -> QueryError
SELECT * FROM pragma_table_xinfo('t')
-- case: pragma_function -> QueryError
SELECT * FROM pragma_table_list
-- case: pragma_function -> QueryError
SELECT * FROM pragma_database_list
-- case: pragma_function -> QueryError
SELECT * FROM pragma_function_list
-- case: pragma_function -> QueryError
SELECT * FROM pragma_module_list
-- case: pragma_function -> QueryError
SELECT * FROM pragma_pragma_list
-- case: pragma_function -> QueryError
SELECT * FROM pragma_index_list('t')
-- case: pragma_function -> QueryError
SELECT * FROM pragma_foreign_key_list('t')
-- case: pragma_function -> QueryError
SELECT * FROM pragma_journal_mode('WAL')
-- case: pragma_function -> QueryError
SELECT * FROM pragma_writable_schema('ON')
-- case: pragma_function -> QueryError
SELECT * FROM pragma_user_version
-- case: pragma_function -> QueryError
SELECT * FROM pragma_query_only('OFF')
-- case: pragma_function -> QueryError
SELECT * FROM pragma_compile_options
-- case: pragma_function -> QueryError
SELECT * FROM pragma_integrity_check
-- case: pragma_function -> QueryError
SELECT * FROM pragma_quick_check
-- case: pragma_function -> QueryError
SELECT * FROM pragma_wal_checkpoint
-- case: pragma_function -> QueryError
SELECT * FROM pragma_schema_version
-- case: pragma_function -> QueryError
SELECT * FROM pragma_collation_list
-- case: pragma_function -> QueryError
SELECT * FROM pragma_page_count
-- case: pragma_function -> QueryError
SELECT * FROM pragma_stats
-- case: pragma_function -> QueryError
SELECT (SELECT name FROM pragma_table_info('t') LIMIT 1)
-- case: pragma_function -> QueryError
SELECT * FROM t WHERE a IN (SELECT cid FROM pragma_table_info('t'))
-- case: pragma_function -> QueryError
SELECT m.name FROM sqlite_master m, pragma_table_info(m.name)
-- case: pragma_function -> QueryError
WITH x AS (SELECT * FROM pragma_database_list) SELECT * FROM x
-- case: function -> QueryError
SELECT load_extension('evil') FROM t
-- case: function -> QueryError
SELECT load_extension('/lib/x86_64-linux-gnu/libc.so.6', 'system') FROM t
-- case: function -> QueryError
SELECT readfile('/etc/passwd') FROM t
-- case: function -> QueryError
SELECT writefile('out.txt', 'x') FROM t
-- case: function -> QueryError
SELECT writefile('{{DIR}}/out.txt', zeroblob(10)) FROM t
-- case: function -> QueryError
SELECT edit('x', 'vi') FROM t
-- case: function -> QueryError
SELECT fts3_tokenizer('simple') FROM t
-- case: function -> QueryError
SELECT fts3_tokenizer('simple', x'00') FROM t
-- case: function -> QueryError
SELECT sqlite_log(1, 'x') FROM t
-- case: function -> QueryError
SELECT sqlite_compileoption_get(1) FROM t
-- case: function -> QueryError
SELECT lsdir('/') FROM t
-- case: function -> QueryError
SELECT fsdir('/') FROM t
-- case: function -> QueryError
SELECT system('id') FROM t
-- case: function -> QueryError
SELECT exec('id') FROM t
-- case: function -> QueryError
SELECT shell('id') FROM t
-- case: function -> QueryError
SELECT eval('DROP TABLE t') FROM t
-- case: function -> QueryError
SELECT sqlite_offset(a) FROM t
-- case: function -> QueryError
SELECT sqlar_compress('x') FROM t
-- case: function -> QueryError
SELECT sha3_query('SELECT 1') FROM t
-- case: function -> QueryError
SELECT pg_sleep(10) FROM t
-- case: function -> QueryError
SELECT sleep(10) FROM t
-- case: function -> QueryError
SELECT usleep(1000000) FROM t
-- case: function -> QueryError
SELECT changes() FROM t
-- case: function -> QueryError
SELECT total_changes() FROM t
-- case: function -> QueryError
SELECT last_insert_rowid() FROM t
-- case: function -> QueryError
SELECT optimize(ft) FROM t
-- case: function -> QueryError
SELECT rtreecheck('rt') FROM t
-- case: function -> QueryError
SELECT fts5(x'00') FROM t
-- case: function -> QueryError
SELECT zipfile('a') FROM t
-- case: function -> QueryError
SELECT unistr_eval('x') FROM t
-- case: function -> QueryError
SELECT query_to_xml('x') FROM t
-- case: function -> QueryError
SELECT xp_cmdshell('id') FROM t
-- case: function -> QueryError
SELECT copy('x') FROM t
-- case: function -> QueryError
SELECT sqlite_source_id() FROM t
-- case: function -> QueryError
SELECT dblink('x') FROM t
-- case: function -> QueryError
SELECT lo_import('/etc/passwd') FROM t
-- case: function -> QueryError
SELECT * FROM t WHERE load_extension('x') IS NULL
-- case: function -> QueryError
SELECT * FROM t ORDER BY load_extension('x')
-- case: function -> QueryError
SELECT count(*) FROM t GROUP BY load_extension('x')
-- case: function -> QueryError
WITH x AS (SELECT load_extension('x') AS y) SELECT * FROM x
-- case: function -> QueryError
VALUES (load_extension('x'))
-- case: function -> QueryError
SELECT * FROM t WHERE writefile('out.txt','x') IS NULL
-- case: function -> QueryError
SELECT * FROM t ORDER BY writefile('out.txt','x')
-- case: function -> QueryError
SELECT count(*) FROM t GROUP BY writefile('out.txt','x')
-- case: function -> QueryError
WITH x AS (SELECT writefile('out.txt','x') AS y) SELECT * FROM x
-- case: function -> QueryError
VALUES (writefile('out.txt','x'))
-- case: function -> QueryError
SELECT * FROM t WHERE readfile('x') IS NULL
-- case: function -> QueryError
SELECT * FROM t ORDER BY readfile('x')
-- case: function -> QueryError
SELECT count(*) FROM t GROUP BY readfile('x')
-- case: function -> QueryError
WITH x AS (SELECT readfile('x') AS y) SELECT * FROM x
-- case: function -> QueryError
VALUES (readfile('x'))
-- case: function -> QueryError
SELECT * FROM t WHERE fts3_tokenizer('simple') IS NULL
-- case: function -> QueryError
SELECT * FROM t ORDER BY fts3_tokenizer('simple')
-- case: function -> QueryError
SELECT count(*) FROM t GROUP BY fts3_tokenizer('simple')
-- case: function -> QueryError
WITH x AS (SELECT fts3_tokenizer('simple') AS y) SELECT * FROM x
-- case: function -> QueryError
VALUES (fts3_tokenizer('simple'))
-- case: table -> QueryError
SELECT * FROM sqlite_dbpage
-- case: table -> QueryError
SELECT * FROM dbstat
-- case: table -> QueryError
SELECT * FROM sqlite_stmt
-- case: table -> QueryError
SELECT * FROM fts3tokenize
-- case: table -> QueryError|ResultSet
SELECT * FROM sqlite_temp_schema
-- case: table -> QueryError
SELECT * FROM fsdir('/')
-- case: table -> QueryError
SELECT * FROM csv
-- case: table -> QueryError
SELECT * FROM generate_series(1,10)
-- case: table -> QueryError
SELECT * FROM completion
-- case: table -> QueryError
SELECT * FROM zipfile('x')
-- case: table -> QueryError
SELECT * FROM bytecode('DELETE FROM t')
-- case: table -> QueryError
SELECT * FROM tables_used('DELETE FROM t')
-- case: table -> QueryError
SELECT * FROM information_schema.tables
-- case: table -> QueryError
SELECT * FROM temp.sqlite_dbpage
-- case: table -> QueryError
SELECT data FROM sqlite_dbpage WHERE pgno = 1
-- case: table -> QueryError
SELECT data FROM sqlite_dbpage('main')
-- case: table -> QueryError
UPDATE sqlite_dbpage SET data = zeroblob(4096) WHERE pgno = 1
-- case: table -> QueryError
DELETE FROM dbstat
-- case: table -> QueryError
SELECT * FROM "SQLITE_DBPAGE"
-- case: transaction -> QueryError
BEGIN
-- case: transaction -> QueryError
BEGIN IMMEDIATE
-- case: transaction -> QueryError
BEGIN EXCLUSIVE
-- case: transaction -> QueryError
BEGIN DEFERRED TRANSACTION
-- case: transaction -> QueryError
COMMIT
-- case: transaction -> QueryError
END
-- case: transaction -> QueryError
END TRANSACTION
-- case: transaction -> QueryError
ROLLBACK
-- case: transaction -> QueryError
ROLLBACK TO s
-- case: transaction -> QueryError
SAVEPOINT s
-- case: transaction -> QueryError
RELEASE s
-- case: transaction -> QueryError
BEGIN; DELETE FROM t; COMMIT
-- case: transaction -> QueryError
START TRANSACTION
-- case: transaction -> QueryError
BEGIN CONCURRENT
-- case: transaction -> QueryError
COMMIT AND CHAIN
-- case: multi -> QueryError
SELECT 1; DROP TABLE t
-- case: multi -> QueryError
SELECT 1;
-- x
DROP TABLE t;
-- case: multi -> QueryError
SELECT 'a;b' /* ; */; DROP TABLE t
-- case: multi -> QueryError
SELECT 1; DELETE FROM t
-- case: multi -> QueryError
SELECT 1;
-- x
DELETE FROM t;
-- case: multi -> QueryError
SELECT 'a;b' /* ; */; DELETE FROM t
-- case: multi -> QueryError
SELECT 1; ATTACH 'new.db' AS n
-- case: multi -> QueryError
SELECT 1;
-- x
ATTACH 'new.db' AS n;
-- case: multi -> QueryError
SELECT 'a;b' /* ; */; ATTACH 'new.db' AS n
-- case: multi -> QueryError
SELECT 1; PRAGMA journal_mode=WAL
-- case: multi -> QueryError
SELECT 1;
-- x
PRAGMA journal_mode=WAL;
-- case: multi -> QueryError
SELECT 'a;b' /* ; */; PRAGMA journal_mode=WAL
-- case: multi -> QueryError
SELECT 1; VACUUM INTO 'copy.db'
-- case: multi -> QueryError
SELECT 1;
-- x
VACUUM INTO 'copy.db';
-- case: multi -> QueryError
SELECT 'a;b' /* ; */; VACUUM INTO 'copy.db'
-- case: multi -> QueryError
SELECT 1; CREATE TABLE zz(a)
-- case: multi -> QueryError
SELECT 1;
-- x
CREATE TABLE zz(a);
-- case: multi -> QueryError
SELECT 'a;b' /* ; */; CREATE TABLE zz(a)
-- case: multi -> QueryError
SELECT 1; SELECT 2
-- case: multi -> QueryError
SELECT 1;
-- x
SELECT 2;
-- case: multi -> QueryError
SELECT 'a;b' /* ; */; SELECT 2
-- case: multi -> QueryError
;;DROP TABLE t
-- case: multi -> QueryError
; DROP TABLE t
-- case: multi -> QueryError
/* a */; DELETE FROM t
-- case: multi -> QueryError
SELECT 1;DROP TABLE t
-- case: multi -> QueryError
{{2000*SELECT 1;}}
-- case: multi -> QueryError
{{2000*;}}DROP TABLE t
-- case: explain -> ResultSet
EXPLAIN VACUUM
-- case: explain -> ResultSet
EXPLAIN SELECT * FROM t
-- case: explain -> ResultSet
EXPLAIN QUERY PLAN SELECT * FROM t
-- case: explain -> ResultSet
EXPLAIN SELECT replace(hex(zeroblob(1000)), '0', b) FROM t
-- case: explain -> QueryError
EXPLAIN DELETE FROM t
-- case: explain -> QueryError
EXPLAIN QUERY PLAN DROP TABLE t
-- case: explain -> QueryError
EXPLAIN INSERT INTO t(a) VALUES (1)
-- case: explain -> QueryError
EXPLAIN PRAGMA journal_mode=WAL
-- case: explain -> QueryError
EXPLAIN CREATE TABLE zz(a)
-- case: explain -> QueryError
EXPLAIN EXPLAIN SELECT 1
-- case: explain -> QueryError
EXPLAIN QUERY PLAN UPDATE t SET a = 1
-- case: explain -> QueryError
EXPLAIN ANALYZE SELECT 1
-- case: empty -> QueryError

-- case: empty -> QueryError
 
-- case: empty -> QueryError



-- case: empty -> QueryError
;
-- case: empty -> QueryError
;;;
-- case: empty -> QueryError
-- only a comment
-- case: empty -> QueryError
/* only a comment */
-- case: empty -> QueryError
/* open
-- case: empty -> QueryError
-- a
-- b
;
-- case: empty -> QueryError
/**/
-- case: empty -> QueryError
	
-- case: empty -> QueryError
'
-- case: empty -> QueryError
"
-- case: empty -> QueryError
`
-- case: empty -> QueryError
[
-- case: empty -> QueryError
(
-- case: empty -> QueryError
)
-- case: empty -> QueryError
\
-- case: empty -> QueryError
?
-- case: empty -> QueryError
$1
-- case: empty -> QueryError
@x
-- case: empty -> QueryError
:y
-- case: empty -> QueryError
#
-- case: empty -> QueryError
!
-- case: empty -> QueryError
﻿;
-- case: nul -> QueryError
SELECT 1{{NUL}}
-- case: nul -> QueryError
{{NUL}}SELECT 1
-- case: nul -> QueryError
SELECT 'a{{NUL}}b'
-- case: nul -> QueryError
SELECT 1 {{NUL}}; DROP TABLE t
-- case: nul -> QueryError
DROP{{NUL}}TABLE t
-- case: nul -> QueryError
{{NUL}}
-- case: nul -> QueryError
SELECT 1 -- {{NUL}}
; DROP TABLE t
-- case: syntax -> QueryError
SELECT
-- case: syntax -> QueryError
SELECT FROM
-- case: syntax -> QueryError
SELECT * FROM
-- case: syntax -> QueryError
SELEC 1
-- case: syntax -> QueryError
SELECT 1 FROM t WHERE
-- case: syntax -> QueryError
SELECT * INTO OUTFILE 'out.txt' FROM t
-- case: syntax -> QueryError
SELECT * INTO zz FROM t
-- case: syntax -> QueryError
SELECT 1 FOR UPDATE
-- case: syntax -> QueryError
COPY t TO 'out.txt'
-- case: syntax -> QueryError
COPY (SELECT 1) TO PROGRAM 'id'
-- case: syntax -> QueryError
.output out.txt
-- case: syntax -> QueryError
.shell id
-- case: syntax -> QueryError
.import x t
-- case: syntax -> QueryError
\! id
-- case: syntax -> QueryError
SET x = 1
-- case: syntax -> QueryError
SHOW TABLES
-- case: syntax -> QueryError
DESCRIBE t
-- case: syntax -> QueryError
CALL p()
-- case: syntax -> QueryError
DO 1
-- case: syntax -> QueryError
EXEC xp_cmdshell 'id'
-- case: syntax -> QueryError
GRANT ALL ON t TO x
-- case: syntax -> QueryError
LOCK TABLES t WRITE
-- case: syntax -> QueryError
LOAD DATA INFILE '/etc/passwd' INTO TABLE t
-- case: syntax -> QueryError
HANDLER t OPEN
-- case: syntax -> QueryError
SELECT * FROM t PROCEDURE ANALYSE()
-- case: syntax -> QueryError
EXPORT DATABASE 'x'
-- case: syntax -> QueryError
INSTALL httpfs
-- case: syntax -> QueryError
LOAD httpfs
-- case: syntax -> QueryError
USE main
-- case: syntax -> QueryError
MERGE INTO t USING t ON 1 WHEN MATCHED THEN DELETE
-- case: syntax -> QueryError
SELECT a FROM t WHERE a = ?
-- case: syntax -> QueryError
SELECT a FROM t WHERE a = :x
-- case: syntax -> QueryError
SELECT a FROM t WHERE a = $x
-- case: syntax -> QueryError
SELECT {{surrogate}}
-- case: syntax -> QueryError
/*!50000 DROP TABLE t */
-- case: syntax -> QueryError
/*! DROP TABLE t */ SELECT nope
-- case: recursion -> QueryTimeoutError
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r
-- case: recursion -> QueryTimeoutError
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r WHERE n < 0
-- case: recursion -> QueryTimeoutError
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT 1 FROM r) SELECT sum(n) FROM r
-- case: recursion -> QueryTimeoutError
SELECT (WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT min(n) FROM r)
-- case: recursion -> ResultSet
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r
-- case: recursion -> QueryTimeoutError|QueryLimitError
WITH RECURSIVE r(n) AS (SELECT 1 UNION SELECT n + 1 FROM r) SELECT count(*) FROM r
-- case: recursion -> QueryTimeoutError|QueryLimitError
WITH RECURSIVE r(s) AS (SELECT 'x' UNION ALL SELECT s || s FROM r) SELECT length(s) FROM r WHERE length(s) > 1e12
-- case: recursion -> QueryTimeoutError|QueryLimitError
WITH RECURSIVE r(s) AS (SELECT zeroblob(1000000) UNION ALL SELECT s FROM r) SELECT s FROM r ORDER BY 1
-- case: recursion -> QueryTimeoutError|QueryLimitError
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r ORDER BY 1 DESC) SELECT n FROM r ORDER BY n
-- case: blob -> QueryLimitError|QueryTimeoutError|QueryError
SELECT randomblob(1e9)
-- case: blob -> QueryLimitError|QueryTimeoutError|QueryError
SELECT zeroblob(1e9)
-- case: blob -> QueryLimitError|QueryTimeoutError|QueryError
SELECT hex(zeroblob(1e9))
-- case: blob -> QueryLimitError|QueryTimeoutError|QueryError
SELECT hex(randomblob(500000000))
-- case: blob -> QueryLimitError|QueryTimeoutError|QueryError|ResultSet
SELECT printf('%1000000000d', 1)
-- case: blob -> QueryLimitError|QueryTimeoutError|QueryError|ResultSet
SELECT printf('%.1000000000f', 1)
-- case: blob -> QueryLimitError|QueryTimeoutError|QueryError|ResultSet
SELECT printf('%0*d', 1000000000, 1)
-- case: blob -> QueryLimitError|QueryTimeoutError|QueryError|ResultSet
SELECT format('%-999999999s', 'x')
-- case: blob -> QueryLimitError|QueryTimeoutError|QueryError
SELECT replace(hex(zeroblob(4000000)), '0', hex(zeroblob(1000)))
-- case: blob -> QueryLimitError|QueryTimeoutError|QueryError
SELECT quote(zeroblob(100000000))
-- case: blob -> QueryLimitError|QueryTimeoutError|QueryError
SELECT hex(hex(hex(zeroblob(3000000))))
-- case: blob -> QueryLimitError|QueryTimeoutError|QueryError
SELECT zeroblob(9223372036854775807)
-- case: blob -> QueryLimitError|QueryTimeoutError|QueryError
SELECT randomblob(2147483647)
-- case: blob -> QueryLimitError|QueryTimeoutError|QueryError
SELECT upper(hex(zeroblob(100000000)))
-- case: blob -> QueryLimitError|QueryTimeoutError|QueryError
SELECT length(replace(hex(zeroblob(3000000)), '00', hex(zeroblob(500))))
-- case: blob -> QueryLimitError|QueryTimeoutError|QueryError
SELECT char(1) || hex(zeroblob(100000000))
-- case: blob -> QueryLimitError|QueryTimeoutError|QueryError
SELECT trim(hex(zeroblob(200000000)), '0')
-- case: blob -> QueryLimitError|QueryTimeoutError|QueryError
SELECT json_quote(hex(zeroblob(50000000)))
-- case: blob -> QueryLimitError|QueryTimeoutError|QueryError
SELECT soundex(hex(zeroblob(100000000)))
-- case: blob -> QueryLimitError|QueryTimeoutError|QueryError|ResultSet
SELECT instr(zeroblob(100000000), x'01')
-- case: blob -> QueryLimitError|QueryTimeoutError|QueryError|ResultSet
SELECT substr(zeroblob(1000000000), 1, 10)
-- case: blob -> QueryLimitError|QueryTimeoutError|QueryError
SELECT unhex(hex(zeroblob(100000000)))
-- case: blob -> QueryLimitError|QueryTimeoutError|QueryError
SELECT concat(zeroblob(100000000), 'x')
-- case: blob -> QueryLimitError|QueryTimeoutError|QueryError|ResultSet
SELECT printf('%s%s', zeroblob(60000000), hex(zeroblob(60000000)))
-- case: blob -> QueryLimitError|QueryTimeoutError|ResultSet
SELECT randomblob(15000000) FROM t, t AS u, t AS w ORDER BY 1
-- case: blob -> QueryLimitError|QueryTimeoutError|ResultSet
SELECT {{20*zeroblob(15000000), }}randomblob(15000000)
-- case: blob -> QueryLimitError|QueryTimeoutError|ResultSet
SELECT group_concat(hex(zeroblob(1000000))) FROM t, t AS u, t AS w
-- case: blob -> QueryLimitError|QueryTimeoutError|ResultSet
SELECT json_group_array(hex(zeroblob(1000000))) FROM t, t AS u, t AS w
-- case: blob -> QueryLimitError|QueryTimeoutError|ResultSet
SELECT group_concat(t.b, hex(zeroblob(2000000))) FROM t, t AS u, t AS w
-- case: blob -> QueryLimitError|QueryTimeoutError|ResultSet
SELECT string_agg(zeroblob(3000000), ',') FROM t, t AS u
-- case: blob -> QueryLimitError|QueryTimeoutError|ResultSet
SELECT max(s) FROM (SELECT hex(randomblob(3000000)) AS s FROM t, t AS u ORDER BY s)
-- case: blob -> QueryLimitError|QueryTimeoutError|ResultSet
SELECT DISTINCT hex(randomblob(3000000)) FROM t, t AS u, t AS w
-- case: blob -> QueryLimitError|QueryTimeoutError|ResultSet
SELECT hex(randomblob(3000000)) AS s FROM t, t AS u UNION SELECT 1
-- case: pattern -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT hex(zeroblob(2000000)) LIKE '{{60*%0}}%1'
-- case: pattern -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT hex(zeroblob(2000000)) GLOB '{{60**0}}*1'
-- case: pattern -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT hex(zeroblob(100000)) LIKE '{{30*%_0}}%1'
-- case: pattern -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT 'a' LIKE '{{60000*%}}'
-- case: pattern -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT 'a' GLOB '{{60000**}}'
-- case: pattern -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT hex(zeroblob(2000000)) GLOB '{{40**[0-9]}}*x'
-- case: pattern -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT instr(hex(zeroblob(4000000)), hex(zeroblob(2000000)) || '1')
-- case: pattern -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT replace(hex(zeroblob(4000000)), hex(zeroblob(1000000)) || '1', 'x')
-- case: pattern -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT trim(hex(zeroblob(4000000)), hex(zeroblob(2000000)) || '1')
-- case: pattern -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT rtrim(hex(zeroblob(7000000)), '123456789abcdefghijklmnopqrstuvwxyz')
-- case: pattern -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT hex(zeroblob(3000000)) REGEXP '(0+)+1'
-- case: pattern -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT ltrim(hex(zeroblob(1000000)) || hex(zeroblob(1000000)), hex(randomblob(2000)))
-- case: join -> QueryTimeoutError
SELECT count(*) FROM big a, big b, big c, big d
-- case: join -> QueryTimeoutError
SELECT sum(a.n * b.n) FROM big a JOIN big b JOIN big c ON a.n <> b.n
-- case: join -> QueryTimeoutError
SELECT * FROM big a, big b, big c WHERE a.n + b.n + c.n < 0
-- case: join -> QueryTimeoutError
SELECT count(*) FROM big a LEFT JOIN big b ON 1 LEFT JOIN big c ON 1
-- case: join -> QueryTimeoutError
SELECT count(DISTINCT a.n || b.n || c.n) FROM big a, big b, big c WHERE a.n < 0 OR b.n < 0 OR c.n < 0
-- case: join -> QueryTimeoutError
SELECT (SELECT count(*) FROM big b, big c WHERE b.n <> a.n) FROM big a WHERE a.n < 0 OR (SELECT count(*) FROM big b, big c WHERE b.n <> a.n) < 0
-- case: join -> QueryTimeoutError
SELECT count(*) FROM big NATURAL JOIN t, big x, big y, big z
-- case: join -> QueryTimeoutError
SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM big a, big b, big c WHERE a.n + b.n + c.n < 0)
-- case: join -> QueryTimeoutError|QueryLimitError
SELECT * FROM big a, big b, big c ORDER BY a.n * b.n * c.n
-- case: join -> QueryTimeoutError|QueryLimitError
SELECT a.n FROM big a, big b, big c GROUP BY a.n, b.n, c.n HAVING count(*) > 1
-- case: join -> QueryTimeoutError|QueryLimitError
SELECT a.n, b.n FROM big a, big b EXCEPT SELECT b.n, a.n FROM big a, big b, t
-- case: join -> QueryTimeoutError|QueryLimitError
SELECT group_concat(x) FROM (SELECT a.n || b.n AS x FROM big a, big b, big c)
-- case: window -> QueryTimeoutError|QueryLimitError
SELECT sum(a.n) OVER (ORDER BY b.n ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM big a, big b, big c
-- case: window -> QueryTimeoutError|QueryLimitError
SELECT group_concat(a.n) OVER (ORDER BY a.n, b.n) FROM big a, big b
-- case: window -> QueryTimeoutError|QueryLimitError
SELECT max(a.n) OVER (PARTITION BY b.n ORDER BY a.n RANGE BETWEEN 1000 PRECEDING AND 1000 FOLLOWING EXCLUDE TIES) FROM big a, big b, big c
-- case: window -> QueryTimeoutError|QueryLimitError
SELECT count(*) OVER w, nth_value(a.n, 2) OVER w FROM big a, big b, big c WINDOW w AS (ORDER BY a.n DESC)
-- case: window -> QueryTimeoutError|QueryLimitError
SELECT json_group_array(a.n) OVER (ORDER BY a.n ROWS 5000 PRECEDING) FROM big a, big b
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT {{5000*(}}1{{5000*)}}
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT {{2000*1 + }}1
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT {{100000*1 + }}1
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT {{500*-}}1 
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT {{1200*NOT }}1
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT {{600*abs(}}1{{600*)}}
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT {{600*SELECT 1 UNION ALL }}SELECT 1
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
{{400*SELECT 1 UNION ALL }}SELECT 1
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
{{600*SELECT 1 UNION ALL }}SELECT 1
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT * FROM {{300*(SELECT * FROM }}t{{300*)}}
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT 1 WHERE 1 IN ({{100000*1,}}1)
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT 1 WHERE 1 IN ({{120*(SELECT 1 WHERE 1 IN (}}1{{120*))}})
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT {{3000*1,}}1
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT CASE {{3000*WHEN 1 = 2 THEN 3 }}END
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT coalesce({{500*NULL,}}1)
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT max({{126*1,}}1)
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT * FROM {{70*t, }}t
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT {{900000*1}}
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT {{1100000*1}}
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT '{{900000*x}}'
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT "{{900000*x}}"
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT x'{{300000*00}}'
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
WITH {{300*x AS (SELECT 1), }}y AS (SELECT 1) SELECT * FROM y
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT json('{{2000*[}}{{2000*]}}')
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT json('{{400000*[}}')
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT 1 {{20000*COLLATE nocase }}
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT * FROM t WHERE {{1500*a = 1 OR }}a = 2
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT * FROM t WHERE {{300000*a = 1 OR }}a = 2
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
VALUES {{20000*(1),}}(1)
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT {{60000*'a' || }}'b'
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT a FROM t ORDER BY {{3000*a,}}a
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT a AS {{100000*z}} FROM t
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT 1e{{1000*9}}
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT {{1000*9}}.{{1000*9}}
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT /* {{800000*x}} */ 1
-- case: deep -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT 1 {{400000*  }}
-- case: deep -> QueryTimeoutError|QueryLimitError|QueryError
WITH a AS (SELECT 1 x), b AS (SELECT p.x FROM a p, a q, a r, a s), c AS (SELECT p.x FROM b p, b q, b r, b s), d AS (SELECT p.x FROM c p, c q, c r, c s), e AS (SELECT p.x FROM d p, d q, d r, d s), f AS (SELECT p.x FROM e p, e q, e r, e s), g AS (SELECT p.x FROM f p, f q, f r, f s), h AS (SELECT p.x FROM g p, g q, g r, g s) SELECT count(*) FROM h
-- case: deep -> QueryTimeoutError|QueryLimitError|QueryError
SELECT * FROM bomb12
-- case: deep -> QueryTimeoutError|QueryLimitError|QueryError
SELECT count(*) FROM bomb12 a, bomb12 b, bomb12 c
-- case: json -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT count(*) FROM json_each('[' || rtrim(replace(hex(zeroblob(3000000)), '0', '1,'), ',') || ']')
-- case: json -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT count(*) FROM json_tree('[' || rtrim(replace(hex(zeroblob(1000000)), '0', '[],'), ',') || ']') a, json_tree('[1,2,3,4,5]') b, big
-- case: json -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT json_pretty(json_group_array(n)) FROM (SELECT a.n FROM big a, big b)
-- case: json -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT json_patch(json_object('a', hex(zeroblob(3000000))), json_object('b', hex(zeroblob(3000000))))
-- case: json -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT json_extract(json_group_array(json_object('n', n)), '$[9999999]') FROM (SELECT a.n FROM big a, big b)
-- case: json -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT json_set('{}', '$.{{500*a.}}b', 1)
-- case: json -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT jsonb(zeroblob(10000000))
-- case: json -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT json_valid(hex(zeroblob(7000000)), 6)
-- case: json -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT json_each.value FROM json_each(x'ffffffffffffffff')
-- case: json -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT json_extract('{"a":1}', '{{3000*$.a}}')
-- case: search -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT * FROM ft WHERE ft MATCH '{{3000*a OR }}b'
-- case: search -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT * FROM ft WHERE ft MATCH '{{3000*(}}b'
-- case: search -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT * FROM ft WHERE ft MATCH 'NEAR({{500*a }}b, 1000000000)'
-- case: search -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT highlight(ft, 0, hex(zeroblob(2000000)), hex(zeroblob(2000000))) FROM ft WHERE ft MATCH 'word'
-- case: search -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT snippet(ft, 0, 'a', 'b', hex(zeroblob(3000000)), 64) FROM ft WHERE ft MATCH 'word'
-- case: search -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT * FROM ft WHERE ft MATCH '*'
-- case: search -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT * FROM ft('word')
-- case: search -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
INSERT INTO ft(ft) VALUES ('rebuild')
-- case: search -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
INSERT INTO ft(ft) VALUES ('optimize')
-- case: search -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
INSERT INTO ft(ft, rank) VALUES ('automerge', 8)
-- case: search -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
INSERT INTO ft(ft) VALUES ('delete-all')
-- case: search -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
INSERT INTO ft(ft, rank) VALUES ('rank', 'bm25(10.0)')
-- case: search -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT * FROM ft_config
-- case: search -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
UPDATE ft_config SET v = 99
-- case: search -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT * FROM rt WHERE id MATCH x'00000000'
-- case: search -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT rank FROM ft WHERE ft MATCH 'word' AND rank MATCH 'load_extension(1)'
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT strftime('{{100000*%Y}}', 'now')
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT date('now', '+9999999999 years')
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT datetime(1e308, 'unixepoch')
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT abs(-9223372036854775808)
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT 9223372036854775807 + 1
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT 1 / 0, 1 % 0, 1e308 * 10, -1e308 * 10, 1e308 * 10 - 1e308 * 10
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT CAST(x'ff00fe' AS TEXT), x'80' || 'a'
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT char(0, 55296, 1114112)
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT unicode(CAST(x'f8888080' AS TEXT))
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT sum(9223372036854775807) FROM t
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT avg(1e308) FROM t
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT substr('abc', -9223372036854775808, 9223372036854775807)
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT round(1e308, 300), round(1.5, 9223372036854775807)
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT likelihood(1, 0.5), likelihood(1, 2.0)
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT randomblob(-1), zeroblob(-1), hex(NULL)
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT a AS "x""; DROP TABLE t; --" FROM t
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT * FROM t AS "'; DROP TABLE t; --"
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT t.* , v.*, (SELECT count(*) FROM sqlite_master) FROM t, v
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT * FROM sqlite_master
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT * FROM sqlite_schema
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT sql FROM sqlite_temp_master
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT rowid, oid, _rowid_ FROM t
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT * FROM broken
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT * FROM evil
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT 'SELECT 1; DROP TABLE t'
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT a FROM t NOT INDEXED
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT a FROM t INDEXED BY nope
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT pow(10, 400), exp(1000), ln(-1), sqrt(-1), acos(2)
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT printf('%n%p%q%Q%w', 1, 2, 3)
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT format('%*.*f', 2147483647, 2147483647, 1.0)
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT printf('%.*s', -2147483648, 'x')
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT group_concat(DISTINCT a ORDER BY a) FROM t
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT total(a) FILTER (WHERE a > 0) OVER () FROM t
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT timediff('9999-12-31', '-4713-11-24')
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT unixepoch('9999-99-99')
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT upper(char(8490)), lower('İ')
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT 1 COLLATE nope
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT json('{"a":{"a":{"a":1e999}}}')
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT raise(ABORT, 'x')
-- case: strange -> QueryTimeoutError|QueryLimitError|ResultSet|QueryError
SELECT CURRENT_TIMESTAMP, random()
