"""Stored functions that cannot be called through the guard, on databases where calling one is an error that says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from servers import MariaDB, Postgres

from ctxprune.sql.guard import Guard
from ctxprune.sql.guard._check import _parse
from ctxprune.sql.guard._dialects import dialect
from ctxprune.sql.guard._output_names import output_name
from ctxprune.sql.guard._text import tokens
from ctxprune.sql.schema.schema import Column, Schema, Table

psycopg = pytest.importorskip("psycopg")
pymysql = pytest.importorskip("pymysql")

CASES = Path(__file__).parent / "guard_cases"
CALLED = "a stored function was called"
POSTGRES = {
    "takes_row": "record",
    "takes_customer": "customers",
    "takes_place": "place",
    '"LOWER"': "text",
    '"coalesce"': "int, int",
    '"greatest"': "int, int",
}
MYSQL = {"now": "", "sum": "x INT", "count": "x INT", "substr": "x TEXT, y INT", "if": "x INT, y INT, z INT"}

Ask = Callable[[str], str]


def statements(name: str) -> list[str]:
    return (CASES / f"stored_{name}.sql").read_text(encoding="utf-8").splitlines()


def guard(name: str) -> Guard:
    columns = (Column("id", "integer"), Column("info", "place"))
    return Guard(name, Schema("shop", (Table("customers", columns, complete=True),), dialect=name, complete=True))


@pytest.fixture(scope="module")
def ask_postgres(postgres: Postgres) -> Iterator[Ask]:
    with postgres.database() as database, psycopg.connect(database.admin_url, autocommit=True) as connection:
        connection.execute("CREATE TYPE place AS (city text, zip integer)")
        connection.execute("CREATE TABLE customers (id integer, info place)")
        connection.execute("INSERT INTO customers VALUES (1, ROW('x', 1))")
        for function, arguments in POSTGRES.items():
            connection.execute(
                f"CREATE FUNCTION {function}({arguments}) RETURNS text LANGUAGE plpgsql"
                f" AS $$ BEGIN RAISE EXCEPTION '{CALLED}'; END $$"
            )
        yield asker(connection, psycopg.Error)


@pytest.fixture(scope="module")
def ask_mariadb(mariadb: MariaDB) -> Iterator[Ask]:
    with mariadb.database() as database:
        parts = urlsplit(database.admin_url)
        account = {"user": parts.username, "password": parts.password or "", "database": parts.path[1:]}
        connection = pymysql.connect(host=parts.hostname, port=parts.port or 0, **account)
        with closing(connection), connection.cursor() as cursor:
            cursor.execute("CREATE TABLE customers (id INT)")
            cursor.execute("INSERT INTO customers VALUES (1)")
            for function, arguments in MYSQL.items():
                cursor.execute(
                    f"CREATE FUNCTION `{function}`({arguments}) RETURNS INT DETERMINISTIC BEGIN"
                    f" SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{CALLED}'; RETURN 1; END"
                )
            ask = asker(connection, pymysql.Error)
            yield lambda sql: ask(sql.replace("shop.", f"{database.name}."))


def asker(connection: Any, failure: type[Exception]) -> Ask:
    def ask(sql: str) -> str:
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return repr(cursor.fetchall())
        except failure as error:
            return str(error)

    return ask


@pytest.mark.parametrize("sql", statements("postgres"))
def test_postgres_calls_no_stored_function(ask_postgres: Ask, sql: str):
    verdict = guard("postgres").check(sql)
    assert not verdict.allowed or CALLED not in ask_postgres(verdict.sql), verdict.sql


@pytest.mark.parametrize("sql", statements("mysql"))
def test_mariadb_calls_no_stored_function(ask_mariadb: Ask, sql: str):
    verdict = guard("mysql").check(sql)
    assert not verdict.allowed or CALLED not in ask_mariadb(verdict.sql), verdict.sql


def test_they_are_called_without_a_guard(ask_postgres: Ask, ask_mariadb: Ask):
    assert sum(CALLED in ask_postgres(sql) for sql in statements("postgres")) >= 27
    assert sum(CALLED in ask_mariadb(sql) for sql in statements("mysql")) >= 6


OUTPUTS = """
    id; (id); t.id; id::text; id::text::numeric(5, 2); 1; 1 + 1; 'x'; 'x'::text; NULL; -id; NOT true; id IS NULL
    id = 1; id IN (1); id BETWEEN 1 AND 2; count(*); COUNT(id); sum(id) OVER (); count(*) FILTER (WHERE id > 1)
    percentile_disc(0.5) WITHIN GROUP (ORDER BY id); coalesce(id, 1); nullif(id, 1); greatest(id, 1); round(avg(id), 2)
    CASE WHEN id > 1 THEN 2 END; CASE WHEN id > 1 THEN 2 ELSE id END; (CASE WHEN id > 1 THEN 2 END)::text
    CASE WHEN id > 1 THEN 2 ELSE 3::int END; 1::int; 1::integer; 1::bigint; 1::smallint; 1::real; 1::double precision
    1::float; 1::boolean; 1::varchar(3)::text; 'a'::char(3); 'a'::varchar; 'a'::bytea; now(); current_date
    current_timestamp; localtimestamp; date '2020-01-01'; timestamp '2020-01-01'; '2020-01-01'::timestamptz
    interval '1 day'; now() AT TIME ZONE 'UTC'; extract(year FROM now()); date_trunc('day', now()); now()::date
    '{}'::jsonb; '{}'::jsonb -> 'a'; '{}'::jsonb ->> 'a'; ARRAY[1]; ARRAY(SELECT 1); (ARRAY[1])[1]; '{1}'::int[]
    ROW(1, 2); (1, 2); EXISTS (SELECT 1); (SELECT 1); (SELECT max(id) FROM t); (SELECT id AS m FROM t LIMIT 1)
    substring('abc' FROM 1); substring('abc', 1); trim('a'); trim(LEADING 'x' FROM 'a'); trim(TRAILING FROM 'a')
    position('a' IN 'b'); overlay('abc' PLACING 'x' FROM 1); upper('a') COLLATE "C"; 'a' || 'b'; 'a' LIKE 'b'
    (now(), now()) OVERLAPS (now(), now()); "Id"; 'x' ~ 'y'; left('abc', 1); gen_random_uuid()
"""


@pytest.mark.parametrize("text", [text.strip() for line in OUTPUTS.splitlines() for text in line.split(";") if text])
def test_an_output_is_called_as_postgres_calls_it(postgres: Postgres, text: str):
    rules = dialect("postgres")
    statement = f'WITH t AS (SELECT 1 AS id, 2 AS "Id") SELECT {text} FROM t LIMIT 0'
    item = _parse(tokens(statement, rules), statement, rules).expressions[0]
    with psycopg.connect(postgres.url("postgres")) as connection:
        found = connection.execute(statement).description
    assert output_name(item) == found[0].name
