"""A small shop with rows, and its questions."""

from __future__ import annotations

import sqlite3

import pytest

from ctxprune.sql.database.database import Database
from ctxprune.sql.generate.base import Request
from ctxprune.sql.generate.phrases import PhraseGenerator
from ctxprune.sql.values import ValueIndex
from ctxprune.sql.values.column_samples import column_samples

SCRIPT = """
CREATE TABLE customers (customer_id INTEGER PRIMARY KEY, name TEXT, city TEXT, birth_date DATE, joined DATE);
CREATE TABLE products (product_id INTEGER PRIMARY KEY, title TEXT, category TEXT, price REAL);
CREATE TABLE orders (order_id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers (customer_id),
  order_date DATE, status TEXT, amount REAL);
CREATE TABLE order_lines (line_id INTEGER PRIMARY KEY, order_id INTEGER REFERENCES orders (order_id),
  product_id INTEGER REFERENCES products (product_id), quantity INTEGER, unit_price REAL);
CREATE TABLE employees (employee_id INTEGER PRIMARY KEY, first_name TEXT, last_name TEXT, salary REAL, hire_date DATE,
  department TEXT);
CREATE TABLE visits (visit_id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers (customer_id),
  started_at TIMESTAMP, ended_at TIMESTAMP);
INSERT INTO customers VALUES (1, 'Ann Lee', 'Bern', '1980-05-01', '2020-01-10'),
  (2, 'Bob Ray', 'Basel', '1975-03-02', '2021-02-11'), (3, 'Cleo Fox', 'Bern', '1990-07-20', '2022-03-12'),
  (4, 'Dan Poe', 'Zug', '2001-11-30', '2022-06-01');
INSERT INTO products VALUES (1, 'Lamp', 'Home', 20), (2, 'Desk', 'Office', 200), (3, 'Armchair', 'Home', 80),
  (4, 'Pen', 'Office', 2);
INSERT INTO orders VALUES (1, 1, '2022-01-15', 'delivered', 40), (2, 1, '2022-02-20', 'cancelled', 200),
  (3, 1, '2022-02-25', 'delivered', 82), (4, 2, '2022-03-05', 'delivered', 20), (5, 2, '2023-01-06', 'pending', 4),
  (6, 3, '2023-02-01', 'cancelled', 100);
INSERT INTO order_lines VALUES (1, 1, 1, 2, 20), (2, 2, 2, 1, 200), (3, 3, 3, 1, 80), (4, 3, 4, 1, 2),
  (5, 4, 1, 1, 20), (6, 5, 4, 2, 2), (7, 6, 1, 5, 20);
INSERT INTO employees VALUES (1, 'Eva', 'Ott', 100, '2010-01-01', 'Sales'),
  (2, 'Fay', 'Uhl', 60, '2015-01-01', 'Sales'),
  (3, 'Gus', 'Abt', 80, '2020-01-01', 'Research');
INSERT INTO visits VALUES (1, 1, '2022-01-01 10:00:00', '2022-01-01 10:30:00'),
  (2, 1, '2022-01-02 10:00:00', '2022-01-02 10:10:00'), (3, 2, '2022-01-02 12:00:00', '2022-01-02 12:05:00');
"""


class Shop:
    """The shop's database with what the pipeline would find in it."""

    def __init__(self, path):
        with sqlite3.connect(path) as connection:
            connection.executescript(SCRIPT)
        connection.close()
        self.database = Database(path, isolated=False)
        self.schema = self.database.schema()
        self.values = ValueIndex.build(self.database)
        self.samples = column_samples(self.database, self.schema)
        self.generator = PhraseGenerator()

    def request(self, question, *, evidence="", n=8):
        hits, ranges = self.values.lookup(question, evidence), self.values.ranges(question, evidence)
        return Request(question, self.schema, hits=hits, ranges=ranges, evidence=evidence, n=n, samples=self.samples)

    def ask(self, question, *, evidence="", n=8):
        return self.generator.generate(self.request(question, evidence=evidence, n=n))

    def rows(self, sql):
        return [tuple(row) for row in self.database.execute(sql).rows]


@pytest.fixture(scope="session")
def shop(tmp_path_factory):
    shop = Shop(tmp_path_factory.mktemp("shop") / "shop.sqlite")
    yield shop
    shop.database.close()
