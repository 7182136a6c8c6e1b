"""Years and months of a question, compared with the days that servers store."""

from __future__ import annotations

from contextlib import closing

import psycopg
import pymysql
import pytest
from sqlalchemy.engine import make_url

from ctxprune.sql import Database
from ctxprune.sql.pipeline.factory import PipelineFactory, make_generators

CLINIC = """
CREATE TABLE visit (id INT PRIMARY KEY, fee INT, visited DATE, status VARCHAR(20));
CREATE TABLE orders (id INT PRIMARY KEY, amount INT, placed DATE);
INSERT INTO orders VALUES (1, 20, '2023-03-01'), (2, 99, '2022-04-20');
INSERT INTO visit VALUES (1, 20, '2023-03-01', 'completed'), (2, 99, '2023-04-20', 'no show'),
    (3, 45, '2022-07-01', 'completed'), (4, 45, '2024-07-01', 'completed')
"""


def run_postgres(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(CLINIC)


def run_mariadb(url: str) -> None:
    parts = make_url(url)
    place = {"host": parts.host, "port": parts.port, "user": parts.username, "password": parts.password}
    with closing(pymysql.connect(**place, database=parts.database, autocommit=True)) as admin, admin.cursor() as cursor:
        for statement in CLINIC.split(";"):
            cursor.execute(statement)


@pytest.mark.parametrize(("server", "fill"), [("postgres_database", run_postgres), ("mariadb_database", run_mariadb)])
def test_a_year_or_month_means_its_days(server, fill, request):
    made = request.getfixturevalue(server)
    fill(made.admin_url)
    with Database(made.reader_url) as database:
        pipeline = PipelineFactory(make_generators("sketch"))(database, database.schema())
        asked = {
            "How many visits in March 2023?": 1,
            "How many visits in 2023?": 2,
            "How many visits since 2023?": 3,
            "How many visits until 2023?": 3,
            "How many visits before 2023?": 1,
            "How many orders in 2023?": 1,  # not those of the amount 2023, which is outside of what is stored
            "How many orders have an amount above 2000?": 0,
        }
        assert {question: pipeline.ask(question).rows[0][0] for question in asked} == asked
