-- Statements that must leave a MariaDB or MySQL server as it is, sent straight to Database.execute as a role that may do
-- everything. A case is a line '-- case: FAMILY -> OUTCOMES' (class names, any of them) and the text below it.
-- {{N*text}} stands for the text N times, {{NUL}} for a null character, {{DIR}} for a folder the server may write to.
-- case: write -> QueryError
INSERT INTO t VALUES (9, 'nine')
-- case: write -> QueryError
INSERT INTO t VALUES (9, 'nine') RETURNING a
-- case: write -> QueryError
INSERT IGNORE INTO m SELECT a, b FROM t
-- case: write -> QueryError
INSERT INTO t VALUES (1, 'x') ON DUPLICATE KEY UPDATE b = 'x'
-- case: write -> QueryError
REPLACE INTO t VALUES (1, 'x') RETURNING a
-- case: write -> QueryError
UPDATE t SET b = 'x'
-- case: write -> QueryError
UPDATE t, m SET t.b = m.b
-- case: write -> QueryError
DELETE FROM t RETURNING a
-- case: write -> QueryError
DELETE m FROM m JOIN t USING (a)
-- case: write -> QueryError
TRUNCATE TABLE t
-- case: write -> QueryError
LOAD DATA INFILE '/etc/passwd' INTO TABLE t
-- case: write -> QueryError
LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t
-- case: write -> QueryError
WITH q AS (SELECT 1) DELETE FROM t
-- case: write -> QueryError
WITH q AS (SELECT 1) UPDATE t SET b = 'x'
-- case: write -> QueryError
SELECT * FROM (DELETE FROM t RETURNING a) AS q
-- case: write -> QueryError
SELECT NEXTVAL(s)
-- case: write -> QueryError
SELECT NEXT VALUE FOR s
-- case: write -> QueryError
SELECT SETVAL(s, 1000)
-- case: write -> QueryError
SELECT * FROM t FOR UPDATE
-- case: routine -> QueryError
SELECT writes()
-- case: routine -> QueryError
SELECT writes_anyway()
-- case: routine -> QueryError
SELECT a FROM t WHERE writes() = 1
-- case: routine -> QueryError
CALL write_anyway()
-- case: routine -> QueryError
DO writes()
-- case: define -> QueryError
CREATE TABLE z (a INT)
-- case: define -> QueryError
CREATE TABLE z AS SELECT 1
-- case: define -> QueryError
CREATE TEMPORARY TABLE z (a INT)
-- case: define -> QueryError
CREATE OR REPLACE VIEW v AS SELECT 1
-- case: define -> QueryError
CREATE INDEX i ON t (b)
-- case: define -> QueryError
CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET @x = 1
-- case: define -> QueryError
CREATE FUNCTION f() RETURNS INT RETURN 1
-- case: define -> QueryError
CREATE EVENT e ON SCHEDULE EVERY 1 SECOND DO DELETE FROM t
-- case: define -> QueryError
CREATE DATABASE z
-- case: define -> QueryError
CREATE SERVER z FOREIGN DATA WRAPPER mysql OPTIONS (HOST '127.0.0.1')
-- case: define -> QueryError
ALTER TABLE t ADD COLUMN c INT
-- case: define -> QueryError
ALTER DATABASE CHARACTER SET latin1
-- case: define -> QueryError
DROP TABLE t
-- case: define -> QueryError
DROP TABLE IF EXISTS t, m
-- case: define -> QueryError
DROP VIEW v
-- case: define -> QueryError
RENAME TABLE t TO z
-- case: define -> QueryError
INSTALL SONAME 'ha_blackhole'
-- case: account -> QueryError
CREATE USER z IDENTIFIED BY 'z'
-- case: account -> QueryError
GRANT ALL ON *.* TO z
-- case: account -> QueryError
SET PASSWORD = PASSWORD('z')
-- case: account -> QueryError
ALTER USER CURRENT_USER() IDENTIFIED BY 'z'
-- case: account -> QueryError
DROP USER IF EXISTS root@localhost
-- case: account -> QueryError
SET ROLE NONE
-- case: setting -> QueryError
SET GLOBAL max_connections = 10
-- case: setting -> QueryError
SET @@GLOBAL.read_only = 1
-- case: setting -> QueryError
SET SESSION TRANSACTION READ WRITE
-- case: setting -> QueryError
SET STATEMENT tx_read_only = 0 FOR INSERT INTO t VALUES (9, 'nine') RETURNING a
-- case: setting -> QueryError
SET STATEMENT max_statement_time = 0 FOR SELECT SLEEP(60)
-- case: setting -> QueryError
SET @a = 1
-- case: setting -> QueryError
SET NAMES latin1
-- case: setting -> QueryError
USE mysql
-- case: transaction -> QueryError
COMMIT
-- case: transaction -> QueryError
ROLLBACK AND CHAIN
-- case: transaction -> QueryError
BEGIN
-- case: transaction -> QueryError
START TRANSACTION READ WRITE
-- case: transaction -> QueryError
XA START 'x'
-- case: transaction -> QueryError
SAVEPOINT s
-- case: transaction -> QueryError
LOCK TABLES t WRITE
-- case: transaction -> QueryError
BACKUP STAGE START
-- case: multi -> QueryError
SELECT 1; DROP TABLE t
-- case: multi -> QueryError
SELECT 1;;DROP TABLE t
-- case: multi -> QueryError
SELECT 1; -- DROP TABLE t
DROP TABLE t
-- case: multi -> QueryError
BEGIN NOT ATOMIC DELETE FROM t; SELECT 1; END
-- case: multi -> QueryError
IF 1 THEN SELECT 1; END IF
-- case: multi -> QueryError
EXECUTE IMMEDIATE 'DELETE FROM t'
-- case: multi -> QueryError
PREPARE p FROM 'DELETE FROM t'
-- case: comment -> QueryError
/*!50000 DROP TABLE t */
-- case: comment -> QueryError
/*M!100000 DROP TABLE t */
-- case: comment -> QueryError
/*! SELECT 1 INTO OUTFILE '{{DIR}}/comment' */
-- case: comment -> QueryError
SELECT 1 /*!50000 INTO OUTFILE '{{DIR}}/comment' */
-- case: comment -> QueryError
SELECT 1 /*!50000 ; DROP TABLE t */
-- case: comment -> QueryError
/* SELECT */ DROP TABLE t
-- case: comment -> QueryError
-- SELECT 1
DROP TABLE t
-- case: comment -> QueryError
# SELECT 1
(DELETE FROM t)
-- case: comment -> ResultSet
/* of mine */ -- and more
SELECT 1
-- case: file -> QueryError
SELECT * FROM t INTO OUTFILE '{{DIR}}/rows'
-- case: file -> QueryError
(SELECT 1) INTO OUTFILE '{{DIR}}/rows'
-- case: file -> QueryError
SELECT 1 UNION SELECT 2 INTO DUMPFILE '{{DIR}}/rows'
-- case: file -> QueryError
WITH q AS (SELECT 1) SELECT * FROM q INTO OUTFILE '{{DIR}}/rows'
-- case: file -> QueryError
VALUES (1) INTO OUTFILE '{{DIR}}/rows'
-- case: file -> QueryError
EXPLAIN SELECT 1 INTO OUTFILE '{{DIR}}/rows'
-- case: file -> QueryError
ANALYZE SELECT 1 INTO OUTFILE '{{DIR}}/rows'
-- case: file -> QueryError
SELECT b INTO @b FROM t LIMIT 1
-- case: maintenance -> QueryError
ANALYZE TABLE t
-- case: maintenance -> QueryError
OPTIMIZE TABLE t
-- case: maintenance -> QueryError
REPAIR TABLE m
-- case: maintenance -> QueryError
CHECK TABLE t
-- case: maintenance -> QueryError
CACHE INDEX m IN default
-- case: maintenance -> QueryError
FLUSH TABLES WITH READ LOCK
-- case: maintenance -> QueryError
RESET MASTER
-- case: maintenance -> QueryError
PURGE BINARY LOGS TO 'x'
-- case: maintenance -> QueryError
CHANGE MASTER TO MASTER_HOST = '127.0.0.1'
-- case: maintenance -> QueryError
SHUTDOWN
-- case: maintenance -> QueryError
KILL 1
-- case: maintenance -> QueryError
HANDLER t OPEN
-- case: session -> ResultSet
SELECT @a := 5, GET_LOCK('mine', 0), LAST_INSERT_ID(7)
-- case: session -> ResultSet
SELECT GET_LOCK('mine', 60), IS_FREE_LOCK('mine'), @a IS NULL
-- case: odd -> QueryError
SELECT
-- case: odd -> QueryError
;
-- case: odd -> QueryError
SELECT 'open
-- case: odd -> QueryError
SELECT * FROM t WHERE a = ?
-- case: odd -> QueryError
SELECT {{NUL}} FROM t
-- case: odd -> ResultSet
SELECT 'a{{NUL}}b'
-- case: odd -> QueryError
SELECT * FROM nowhere
-- case: odd -> ResultSet
{{2000*(}}SELECT 1{{2000*)}}
-- case: heavy -> QueryTimeoutError
SELECT SLEEP(60)
-- case: heavy -> QueryTimeoutError
SELECT a FROM t WHERE SLEEP(60)
-- case: heavy -> QueryTimeoutError|ResultSet
SELECT BENCHMARK(1000000000000, MD5('x'))
-- case: heavy -> QueryTimeoutError|QueryLimitError
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT MAX(n) FROM r
-- case: heavy -> QueryTimeoutError
SELECT COUNT(*) FROM information_schema.columns a, information_schema.columns b, information_schema.columns c
-- case: heavy -> QueryTimeoutError|QueryLimitError
SELECT a.seq FROM seq_1_to_1000000000 a ORDER BY MD5(a.seq)
-- case: heavy -> QueryTimeoutError|QueryLimitError
SELECT DISTINCT MD5(seq), REPEAT('x', 1000) FROM seq_1_to_1000000000
-- case: heavy -> QueryTimeoutError
SELECT COUNT(*) FROM seq_1_to_100000 a JOIN seq_1_to_100000 b ON a.seq <> b.seq
-- case: heavy -> QueryTimeoutError|ResultSet
SELECT 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' REGEXP '^(a+)+$'
-- case: heavy -> QueryTimeoutError|ResultSet
SELECT LENGTH(UNCOMPRESS(COMPRESS(REPEAT('a', 15000000))))
-- case: heavy -> ResultSet|QueryLimitError|QueryTimeoutError
SELECT REPEAT('x', 15000000) FROM seq_1_to_1000
-- case: heavy -> ResultSet|QueryTimeoutError
SELECT LENGTH(REPEAT('x', 1000000000000))
-- case: heavy -> QueryLimitError|QueryTimeoutError|QueryError
SELECT 1{{100000*+1}}
-- case: heavy -> QueryTimeoutError|QueryLimitError|QueryError
SELECT * FROM t {{2000*UNION ALL SELECT * FROM t }}
-- case: heavy -> ResultSet|QueryTimeoutError|QueryLimitError
SELECT GROUP_CONCAT(seq) FROM seq_1_to_100000000
