"""How answers must change, or stay, when a question is changed in a way whose effect is known."""

from __future__ import annotations

import itertools

import pytest

from .fields import ANSWERED, Field, describe, same_answer, same_rows

NAMES = ("demo", "shop", "hospital")

# Columns whose averages are asked for: table, the words of the column, the expression.
MEASURES = {
    "demo": (
        ("employee", "salary", "salary"),
        ("customer", "credit limit", "credit_limit"),
        ("product", "unit price", '"Unit Price"'),
        ("product", "weight", "weight_grams"),
        ("order line", "quantity", "quantity"),
        ("warehouse", "capacity", "capacity"),
        ("review", "stars", "stars"),
    ),
    "shop": (
        ("employees", "salary", "salary"),
        ("products", "list price", "list_price"),
        ("products", "cost price", "cost_price"),
        ("products", "weight", "weight_kg"),
        ("orders", "shipping cost", "shipping_cost"),
        ("suppliers", "lead time", "lead_time_days"),
        ("returns", "refund amount", "refund_amount"),
        ("reviews", "rating", "rating"),
        ("warehouses", "capacity", "capacity_m3"),
    ),
    "hospital": (
        ("doctors", "monthly salary", "monthly_salary"),
        ("departments", "annual budget", "annual_budget"),
        ("rooms", "daily rate", "daily_rate"),
        ("rooms", "number of beds", "beds"),
        ("medications", "unit price", "unit_price"),
        ("prescriptions", "dose", "dose_mg"),
        ("invoices", "amount due", "amount_due"),
        ("invoices", "amount paid", "amount_paid"),
        ("visits", "triage level", "triage_level"),
    ),
}
# A question, and the same with a condition: the query of the second.
CONDITIONS = {
    "demo": (
        ("How many employees are there", " with a salary above 60000", "employee WHERE salary > 60000"),
        ("How many orders are there", " with status cancelled", "\"order\" WHERE status = 'cancelled'"),
        ("How many orders are there", " from 2023", "\"order\" WHERE order_date LIKE '2023%'"),
        ("How many customers are there", " in the hospitality segment", "customer WHERE segment = 'hospitality'"),
        ("How many customers are there", " without an email", "customer WHERE email IS NULL"),
        ("How many suppliers are there", " that are certified", "supplier WHERE certified"),
        ("How many suppliers are there", " that are not certified", "supplier WHERE NOT certified"),
        ("How many products are there", " lighter than 400 grams", "product WHERE weight_grams < 400"),
    ),
    "shop": (
        ("How many employees are there", " in the Logistics department", "employees WHERE department = 'Logistics'"),
        ("How many employees are there", " hired after 2019", "employees WHERE hire_date > '2019-12-31'"),
        ("How many orders are there", " by phone", "orders WHERE channel = 'phone'"),
        ("How many orders are there", " from May 2022", "orders WHERE order_date LIKE '2022-05%'"),
        ("How many orders are there", " without a coupon", "orders WHERE coupon_id IS NULL"),
        ("How many customers are there", " in the silver tier", "customers WHERE loyalty_tier = 'silver'"),
        ("How many customers are there", " who are active", "customers WHERE is_active = 1"),
        ("How many customers are there", " born before 1960", "customers WHERE birth_date < '1960-01-01'"),
        ("How many payments are there", " of more than 500", "payments WHERE amount > 500"),
        ("How many payments are there", " that failed", "payments WHERE status = 'failed'"),
        ("How many reviews are there", " without a comment", "reviews WHERE comment IS NULL"),
        ("How many products are there", " heavier than 3 kg", "products WHERE weight_kg > 3"),
    ),
    "hospital": (
        ("How many patients are there", " from Salzburg", "patients WHERE city = 'Salzburg'"),
        ("How many patients are there", " born after 1990", "patients WHERE birth_date > '1990-12-31'"),
        ("How many patients are there", " who smoke", "patients WHERE smoker = 1"),
        ("How many patients are there", " without a phone", "patients WHERE phone IS NULL"),
        ("How many visits are there", " of type emergency", "visits WHERE visit_type = 'emergency'"),
        ("How many visits are there", " since 2023", "visits WHERE admitted_at >= '2023-01-01'"),
        ("How many rooms are there", " with more than 2 beds", "rooms WHERE beds > 2"),
        ("How many rooms are there", " that are not private", "rooms WHERE private = 'N'"),
        ("How many invoices are there", " over 1.5k", "invoices WHERE amount_due > 1500"),
        ("How many invoices are there", " that are settled", "invoices WHERE settled = 'Y'"),
        ("How many appointments are there", " that were kept", "appointments WHERE status = 'kept'"),
        ("How many insurers are there", " that are private", "insurers WHERE plan_type = 'private'"),
    ),
}
# Groups of questions that ask the same, and the queries of the answer.
SAME = {
    "demo": (
        (
            (
                "How many employees are there?",
                "number of employees",
                "Count the employees.",
                "total number of employees",
            ),
            ("SELECT COUNT(*) FROM employee",),
        ),
        (
            ("What is the highest salary?", "What is the largest salary?", "maximum salary"),
            ("SELECT MAX(salary) FROM employee",),
        ),
        (
            ("How many orders were placed in 2023?", "In 2023, how many orders were placed?"),
            ("SELECT COUNT(*) FROM \"order\" WHERE order_date LIKE '2023%'",),
        ),
        (
            (
                "average salary per job title",
                "For each job title, what is the average salary?",
                "mean salary by job title",
            ),
            ("SELECT job_title, AVG(salary) FROM employee GROUP BY job_title",),
        ),
        (
            (
                "How many open orders in EUR are there?",
                "How many orders in EUR are open?",
                "number of orders with currency EUR and status open",
                "number of orders with status open and currency EUR",
            ),
            ("SELECT COUNT(*) FROM \"order\" WHERE status = 'open' AND currency = 'EUR'",),
        ),
    ),
    "shop": (
        (
            (
                "How many suppliers are there?",
                "number of suppliers",
                "Count the suppliers.",
                "How many suppliers do we have?",
            ),
            ("SELECT COUNT(*) FROM suppliers",),
        ),
        (
            ("What is the lowest list price?", "What is the smallest list price?", "minimum list price"),
            ("SELECT MIN(list_price) FROM products",),
        ),
        (
            (
                "How many orders were placed in 2022?",
                "In 2022, how many orders were placed?",
                "number of orders from 2022",
            ),
            ("SELECT COUNT(*) FROM orders WHERE order_date LIKE '2022%'",),
        ),
        (
            (
                "average salary per department",
                "For each department, what is the average salary?",
                "mean salary by department",
            ),
            (
                "SELECT department, AVG(salary) FROM employees GROUP BY department",
                "SELECT department, AVG(salary) FROM employees WHERE leave_date IS NULL GROUP BY department",
            ),
        ),
        (
            (
                "How many web orders are pending?",
                "How many pending orders came over the web?",
                "number of orders with channel web and status pending",
                "number of orders with status pending and channel web",
            ),
            ("SELECT COUNT(*) FROM orders WHERE channel = 'web' AND status = 'pending'",),
        ),
        (
            ("List the sku of all products.", "Show me the sku of every product", "Give me all product skus"),
            ("SELECT sku FROM products",),
        ),
    ),
    "hospital": (
        (
            (
                "How many insurers are there?",
                "number of insurers",
                "Count the insurers.",
                "How many insurers do we have?",
            ),
            ("SELECT COUNT(*) FROM insurers",),
        ),
        (
            ("What is the highest daily rate?", "What is the largest daily rate?", "maximum daily rate"),
            ("SELECT MAX(daily_rate) FROM rooms",),
        ),
        (
            ("How many visits were there in 2021?", "In 2021, how many visits were there?", "number of visits in 2021"),
            ("SELECT COUNT(*) FROM visits WHERE admitted_at LIKE '2021%'",),
        ),
        (
            ("number of patients per sex", "For each sex, how many patients are there?", "count patients by sex"),
            ("SELECT sex, COUNT(*) FROM patients GROUP BY sex",),
        ),
        (
            (
                "How many female patients come from Wels?",
                "How many patients from Wels are female?",
                "number of patients with sex F and city Wels",
                "number of patients with city Wels and sex F",
            ),
            ("SELECT COUNT(*) FROM patients WHERE sex = 'F' AND city = 'Wels'",),
        ),
        (
            ("List the names of all doctors.", "Show me the name of every doctor", "Give me all doctor names"),
            ("SELECT doctor_name FROM doctors",),
        ),
    ),
}


def name_words(name: str) -> str:
    return name.replace("_", " ")


@pytest.mark.parametrize("name", NAMES)
def test_the_table_that_is_named_is_the_one_that_is_counted(field, name: str):
    one: Field = field(name)
    for table in one.schema.tables:
        question = f"How many rows does the table {name_words(table.name)} have?"
        one.check_honest(question, (f'SELECT COUNT(*) FROM "{table.name}"',))


@pytest.mark.parametrize(("word", "function"), [("average", "AVG"), ("highest", "MAX")])
@pytest.mark.parametrize("name", NAMES)
def test_the_measure_that_is_named_is_the_one_in_the_query(field, name: str, word: str, function: str):
    one: Field = field(name)
    for table, words, column in MEASURES[name]:
        one.check_honest(
            f"What is the {word} {words} of the {table}?", (f'SELECT {function}({column}) FROM "{table}"',)
        )


@pytest.mark.parametrize(
    ("name", "question", "condition", "rest"),
    [(name, *case) for name in NAMES for case in CONDITIONS[name]],
    ids=[f"{name}{case[1].replace(' ', '_')}" for name in NAMES for case in CONDITIONS[name]],
)
def test_an_added_condition_changes_the_query_or_the_outcome(field, name, question: str, condition: str, rest: str):
    one: Field = field(name)
    one.check_honest(f"{question}{condition}?", (f"SELECT COUNT(*) FROM {rest}",))
    plain, longer = one.ask(f"{question}?"), one.ask(f"{question}{condition}?")
    same = plain.sql == longer.sql and longer.outcome == ANSWERED
    assert not same, f"{question}{condition} is {describe(longer)}, as without the condition"


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("demo", "suppliers that are certified", "suppliers that are not certified"),
        ("shop", "active customers", "inactive customers"),
        ("shop", "approved returns", "returns that were not approved"),
        ("shop", "products with a review", "products without a review"),
        ("hospital", "settled invoices", "unsettled invoices"),
        ("hospital", "private rooms", "rooms that are not private"),
        ("hospital", "smokers", "non-smokers"),
    ],
)
def test_the_opposite_condition_has_another_query(field, name: str, first: str, second: str):
    one: Field = field(name)
    yes, no = one.ask(f"How many {first} are there?"), one.ask(f"How many {second} are there?")
    both = yes.outcome == no.outcome == ANSWERED
    assert not (both and yes.sql == no.sql), f"{first} and {second} are both {describe(yes)}"


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_is_the_same_when_asked_again(field, name: str):
    one: Field = field(name)
    other = one.factory(one.database, one.schema)
    for questions, _ in SAME[name]:
        first, again, fresh = one.ask(questions[0]), one.pipeline.ask(questions[0]), other.ask(questions[0])
        assert first.to_dict(trace=False) == again.to_dict(trace=False) == fresh.to_dict(trace=False)


@pytest.mark.parametrize(
    ("name", "questions", "golds"),
    [(name, *case) for name in NAMES for case in SAME[name]],
    ids=[f"{name}-{place}" for name in NAMES for place in range(len(SAME[name]))],
)
def test_other_words_and_another_order_give_no_other_certain_result(field, name: str, questions, golds):
    one: Field = field(name)
    answers = [one.check_honest(question, golds) for question in questions]
    for first, second in itertools.combinations(answers, 2):
        assert same_answer(first, second), f"{describe(first)} and {describe(second)}"


@pytest.mark.parametrize("name", NAMES)
def test_plain_questions_are_understood_in_most_of_their_wordings(field, name: str):
    """So that the tests above are not passed by refusing everything; the outcome does not count here."""
    one: Field = field(name)
    found = [one.is_right(one.ask(question), golds) for questions, golds in SAME[name] for question in questions]
    assert sum(found) >= 0.6 * len(found), f"{sum(found)} of {len(found)}"


@pytest.mark.parametrize("name", NAMES)
def test_marks_and_capitals_do_not_change_a_result(field, name: str):
    one: Field = field(name)
    for questions, _ in SAME[name]:
        plain = one.ask(questions[0])
        for other in (questions[0].upper(), questions[0].rstrip(".?"), questions[0] + " "):
            assert same_answer(plain, one.ask(other)), other


def test_the_rule_of_equal_rows_is_the_one_meant():
    assert same_rows([(1, "a"), (2.00001, "b")], [("b", 2), ("a", 1.0)])
    assert not same_rows([(1,)], [(1,), (1,)])
    assert not same_rows([(1,)], [("1",)])
