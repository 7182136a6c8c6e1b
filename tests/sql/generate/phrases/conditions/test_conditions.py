"""Golden conditions of every reader, and what holds for all of them."""

import runpy
import time
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import UsageError
from ctxprune.sql.generate.phrases.conditions import Option, read_all, read_conditions
from ctxprune.sql.generate.phrases.conditions.comparisons import is_count_of
from ctxprune.sql.generate.phrases.conditions.inputs import Inputs
from ctxprune.sql.generate.phrases.conditions.magnitudes import find_numbers
from ctxprune.sql.generate.sketch.view import SchemaView
from ctxprune.sql.schema.schema import Column, ColumnRef, Schema, Table

shop = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "shop_schema.py")))
TODAY = date(2024, 5, 17)
VIEW = SchemaView.of(shop.schema())


def _read(question, view=VIEW):
    return read_conditions(question, view, hits=shop.hits(question), today=TODAY)


def _best(question):
    return [clause.options[0].test.sql("sqlite") for clause in _read(question)]


GOLDEN = {
    "comparisons": [
        ("products priced over 50", ["product.price > 50"]),
        ("products with a price of at most 1.5 million", ["product.price <= 1500000"]),
        ("products with a price between 5 and 10", ["product.price >= 5 AND product.price <= 10"]),
        ("products that cost no more than $20", ["product.price <= 20"]),
        ("products heavier than 5", ["product.weight_kg > 5"]),
        ("products with a discount above 20 %", ["product.discount > 0.2"]),
        ("orders with a total over 160k", ["orders.total > 160000"]),
        ("reviews with 4 stars or more", ["review.stars >= 4"]),
        ("reviews with 4 or 5 stars", ["review.stars IN (4, 5)"]),
        ("products with price lower than 6 or higher than 9", ["(product.price < 6 OR product.price > 9)"]),
        ("customers older than 30", ["customer.birth_date < '1993-05-18'"]),
        ("customers with ID 7", ["customer.id = 7"]),
        ("total of order 12", ["orders.id = 12"]),
        ("reviews with 1 star", ["review.stars = 1"]),
        ("customers under 50", ["customer.birth_date >= '1974-05-18'"]),
        ("customers aged 30 to 40", ["customer.birth_date >= '1983-05-18' AND customer.birth_date < '1994-05-18'"]),
        ("customers with more than 3 orders", []),
        ("top 5 products by price", []),
        ("customers with at least one order", []),
        ("products with an average price over 50", []),
    ],
    "booleans": [
        ("subscribed customers", ["customer.is_subscribed = 1"]),
        ("customers who are not subscribed", ["customer.is_subscribed = 0"]),
        ("unsubscribed customers", ["customer.is_subscribed = 0"]),
        ("discontinued products", ["product.discontinued = 'Y'"]),
        ("products that are not discontinued", ["product.discontinued = 'N'"]),
        ("uninsured patients", ["patient.insured = 'No'"]),
        ("list products and whether they are discontinued", []),
    ],
    "nulls": [
        ("customers without an email", ["customer.email IS NULL"]),
        ("customers whose phone is missing", ["customer.phone IS NULL"]),
        ("customers with no phone recorded", ["customer.phone IS NULL"]),
        ("customers whose email is not null", ["NOT customer.email IS NULL"]),
        ("Which orders have not been shipped?", ["orders.shipped_at IS NULL"]),
    ],
    "absences": [
        (
            "customers who have not placed any orders",
            ["NOT customer.id IN (SELECT X1.customer_id FROM orders AS X1 WHERE NOT X1.customer_id IS NULL)"],
        ),
        (
            "customers who never ordered in 2023",
            [
                "NOT customer.id IN (SELECT X1.customer_id FROM orders AS X1 WHERE NOT X1.customer_id IS NULL AND "
                "X1.ordered_at >= '2023-01-01' AND X1.ordered_at < '2024-01-01')"
            ],
        ),
        (
            "patients never seen by a cardiologist",
            [
                "NOT patient.id IN (SELECT X1.patient_id FROM visit AS X1 JOIN doctor AS X2 ON X1.doctor_id = X2.id "
                "WHERE NOT X1.patient_id IS NULL AND X2.specialty = 'Cardiologist')"
            ],
        ),
        (
            "products without any reviews",
            ["NOT product.id IN (SELECT X1.product_id FROM review AS X1 WHERE NOT X1.product_id IS NULL)"],
        ),
    ],
    "values": [
        ("customers in Rome", ["customer.city = 'Rome'"]),
        ("customers in Rome or Paris", ["customer.city IN ('Rome', 'Paris')"]),
        ("customers not from Rome", ["customer.city <> 'Rome'"]),
        ("non-Toys products", ["product.category <> 'Toys'"]),
        ("unpaid orders", ["orders.payment_status <> 'paid'"]),
        ("customers who are neither active nor suspended", ["NOT customer.status IN ('active', 'suspended')"]),
        ("suspended customers", ["customer.status = 'suspended'"]),
        ('the product "Super Thing"', ["LOWER(product.name) LIKE '%super thing%'"]),
        ("customers who live in Berlin", ["LOWER(customer.city) LIKE '%berlin%'"]),
    ],
    "patterns": [
        ("customers whose name starts with J", ["LOWER(customer.name) LIKE 'j%'"]),
        ("customers whose name ends with 'ez'", ["LOWER(customer.name) LIKE '%ez'"]),
        ("customers whose email contains 'x_y'", [r"LOWER(customer.email) LIKE '%x\_y%' ESCAPE '\'"]),
        (
            "customers whose name starts with J or ends with 'ez'",
            ["(LOWER(customer.name) LIKE 'j%' OR LOWER(customer.name) LIKE '%ez')"],
        ),
        ("list the products starting from the cheapest", []),
    ],
    "days": [
        ("orders in the last 2 years", ["orders.ordered_at >= '2022-05-17' AND orders.ordered_at < '2024-05-18'"]),
        ("orders not placed in 2022", ["NOT (orders.ordered_at >= '2022-01-01' AND orders.ordered_at < '2023-01-01')"]),
        ("customers born before 1970", ["customer.birth_date < '1970-01-01'"]),
        ("visits on weekends", ["CAST(STRFTIME('%w', visit.visit_date) AS INTEGER) IN (0, 6)"]),
        ("customers born in March", ["CAST(STRFTIME('%m', customer.birth_date) AS INTEGER) = 3"]),
        ('the product "1994 World Cup"', ["LOWER(product.name) LIKE '%1994 world cup%'"]),
        ("products with a price higher than 2000", ["product.price > 2000"]),
    ],
    "times": [
        ("orders that open before 1 pm", ["orders.opens < '13:00:00'"]),
        ("orders that open between 9:30 and 11 am", ["orders.opens >= '09:30:00' AND orders.opens <= '11:00:00'"]),
    ],
    "together": [
        (
            "subscribed customers in Rome who signed up since 2022",
            ["customer.is_subscribed = 1", "customer.city = 'Rome'", "customer.signed_up_on >= '2022-01-01'"],
        ),
        ("orders over $100 shipped before March 2022", ["orders.total > 100", "orders.shipped_at < '2022-03-01'"]),
    ],
}


@pytest.mark.parametrize(
    ("question", "tests"), [case for cases in GOLDEN.values() for case in cases], ids=lambda value: str(value)[:60]
)
def test_golden(question, tests):
    assert _best(question) == tests


@pytest.mark.parametrize("dialect", ["sqlite", "postgres", "mysql", "duckdb"])
def test_tests_parse_in_every_dialect(dialect):
    view = SchemaView.of(shop.schema(dialect))
    for question, _ in (case for cases in GOLDEN.values() for case in cases):
        for clause in _read(question, view):
            for option in clause.options:
                sqlglot.parse_one(f"SELECT 1 FROM t WHERE {option.test.sql(dialect)}", dialect=dialect)
                assert set(option.tables) <= {table.name for table in shop.TABLES}


WORDS = sorted({word for cases in GOLDEN.values() for question, _ in cases for word in question.split()})


@given(st.lists(st.sampled_from([*WORDS, "2023", "31", "February", "'", '"', "🙂", "%", "İ"]), max_size=25))
@settings(max_examples=250, deadline=None)
def test_spans_are_disjoint_and_inside_the_question(words):
    question = " ".join(words)
    end = 0
    for clause in _read(question):
        assert end <= clause.start < clause.end <= len(question)
        end = clause.end
        scores = [option.score for option in clause.options]
        assert scores == sorted(scores, reverse=True)
        assert len({option.test.sql() for option in clause.options}) == len(scores)


@given(st.text(max_size=120))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read(text):
    for clause in read_conditions(text, VIEW, today=TODAY):
        assert 0 <= clause.start < clause.end <= len(text)
        for option in clause.options:
            sqlglot.parse_one(f"SELECT 1 FROM t WHERE {option.test.sql('sqlite')}", dialect="sqlite")


@pytest.mark.parametrize(
    "text",
    ["not " + "in the " * 3000, "2020-01-01 and " * 800, "more than 5 and " * 800, "between " * 3000, "with a " * 3000,
     "a" * 100_000, "'" * 5000, "x\0 in 2023 \ud800", "contains '%_\\\\'", "without no never not " * 500],
)  # fmt: skip
def test_hostile_texts_are_read_quickly(text):
    start = time.process_time()
    read_all(text, VIEW, today=TODAY)
    assert time.process_time() - start < 3.0


def test_a_literal_of_the_question_stays_a_literal():
    [clause] = _read('customers named "x\' OR 1=1 --"')
    tree = sqlglot.parse_one(f"SELECT 1 FROM t WHERE {clause.options[0].test.sql('sqlite')}", dialect="sqlite")
    assert [literal.name for literal in tree.find_all(sqlglot.exp.Literal) if literal.is_string] == ["%x' or 1=1 --%"]


def test_an_order_of_rows_is_counted_and_not_compared():
    question = "customers with more than 3 orders"
    inputs = Inputs(question, VIEW, TODAY)
    start = question.index("3")
    assert is_count_of(inputs, start, start + 1) == "orders"
    assert is_count_of(Inputs("products over 3", VIEW, TODAY), 14, 15) == ""


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("over 160k", [160_000]), ("1.5 million", [1_500_000]), ("20 %", [20]), ("$5", [5]), ("a dozen", [12]),
        ("half a million", [500_000]), ("twenty five", [25]), ("two hundred", [200]), ("-5", [-5]),
        ("1,000.50", [1000.5]),         ("2nd", []), ("A340", []), ("10,5", []), ("12:30", []), ("5-10", [5, 10]),
    ],
)  # fmt: skip
def test_numbers(text, values):
    assert [number.value for number in find_numbers(text.lower())] == values


def test_samples_say_how_yes_and_no_are_stored():
    table = Table("task", (Column("id", "INTEGER", primary_key=True), Column("urgent", "TEXT")))
    view = SchemaView.of(Schema("s", (table,)))
    assert read_conditions("urgent tasks", view, today=TODAY) == []
    samples = {ColumnRef("task", "urgent"): ("t", "f")}
    [clause] = read_conditions("tasks that are not urgent", view, today=TODAY, samples=samples)
    assert clause.options[0].test.sql() == "task.urgent = 'f'"


def test_a_score_out_of_range_is_refused():
    with pytest.raises(UsageError):
        Option(1.5, sqlglot.exp.true(), (), "value")
