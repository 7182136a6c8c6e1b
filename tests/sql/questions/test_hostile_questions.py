"""Questions that no one should be sure about, or that come in an odd form: an answer given as certain must be right."""

from __future__ import annotations

import hashlib
import time

import pytest

from ctxprune.errors import UsageError

from .fields import ANSWERED, Field, check_shape, describe

# Each question with the queries whose rows answer it; without any, no answer may be given as certain.
PLAIN = {
    "demo": {
        "How many customers are there?": ("SELECT COUNT(*) FROM customer",),
        "What is the average salary of the employees?": ("SELECT AVG(salary) FROM employee",),
        "How many products are discontinued?": ("SELECT COUNT(*) FROM product WHERE discontinued = 1",),
    },
    "shop": {
        "How many suppliers are there?": ("SELECT COUNT(*) FROM suppliers",),
        "What is the average weight of the products?": ("SELECT AVG(weight_kg) FROM products",),
        "How many reviews have a rating of 5?": ("SELECT COUNT(*) FROM reviews WHERE rating = 5",),
    },
    "hospital": {
        "How many medications are there?": ("SELECT COUNT(*) FROM medications",),
        "What is the average monthly salary of the doctors?": ("SELECT AVG(monthly_salary) FROM doctors",),
        "How many patients live in Linz?": ("SELECT COUNT(*) FROM patients WHERE city = 'Linz'",),
    },
}
FORMS = {
    "capitals": str.upper,
    "lower case": str.lower,
    "without spaces": lambda text: text.replace(" ", ""),
    "without a question mark": lambda text: text.rstrip("?"),
    "emoji": lambda text: text.replace(" ", " 🎉 ", 1) + " 🙏🏽",
    "blanks": lambda text: "  \t" + text.replace(" ", "   ") + "\n\n",
    "polite": lambda text: "Hello! Could you please tell me: " + text + " Thank you very much.",
    "marks": lambda text: "???!!! " + text + " ...;;;",
    "wide letters": lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
}

UNSURE = (
    # column names that do not exist
    ("missing column", "demo", "What is the average shoe_size of the employees?", ()),
    ("missing column", "demo", "List the iban of every customer.", ()),
    ("missing column", "shop", "Show the loyalty_points of each customer.", ()),
    ("missing column", "shop", "What is the median colour_code of products?", ()),
    ("missing column", "hospital", "List the hair colour of every patient.", ()),
    ("missing column", "hospital", "What is the total overtime_hours of the doctors?", ()),
    ("missing table", "demo", "How many invoices are there?", ()),
    ("missing table", "shop", "How many newsletters campaigns did we run?", ()),
    ("missing table", "hospital", "How many ambulances do we have?", ()),
    # SQL in the question
    ("sql", "demo", "'; DROP TABLE customer; --", ()),
    ("sql", "shop", "SELECT * FROM customers WHERE 1=1; DELETE FROM orders;", ()),
    ("sql", "shop", "How many orders are there' OR '1'='1", ("SELECT COUNT(*) FROM orders",)),
    ("sql", "hospital", "UPDATE invoices SET settled = 'Y'", ()),
    ("sql", "hospital", "list doctors UNION SELECT sql FROM sqlite_master", ()),
    # another language
    ("french", "demo", "Combien de commandes ont été annulées ?", (
        "SELECT COUNT(*) FROM \"order\" WHERE status = 'cancelled'",
    )),
    ("french", "shop", "Quel est le produit le moins cher ?", (
        "SELECT name FROM products ORDER BY list_price LIMIT 1",
    )),
    ("french", "hospital", "Combien de patients ont quitté l'hôpital en mars 2023 ?", (
        "SELECT COUNT(*) FROM visits WHERE discharged_at LIKE '2023-03%'",
        "SELECT COUNT(DISTINCT patient_id) FROM visits WHERE discharged_at LIKE '2023-03%'",
    )),
    ("german", "shop", "Welche Kunden haben nie etwas bestellt?", (
        "SELECT first_name, last_name FROM customers WHERE customer_id NOT IN (SELECT customer_id FROM orders)",
    )),
    ("japanese", "demo", "顧客は何人いますか？", ("SELECT COUNT(*) FROM customer",)),
    # two questions at once
    ("two questions", "demo", "How many customers are there and what is the most expensive product?", ()),
    ("two questions", "shop", "How many orders were cancelled? And who is the manager of Raj Patel?", ()),
    ("two questions", "shop", "Name the cheapest product. How many warehouses are there?", ()),
    ("two questions", "hospital", "Which floor is Neurology on, and how many doctors are on leave?", ()),
    # conditions that contradict each other
    ("contradiction", "shop", "Which customers are both active and inactive?", (
        "SELECT first_name, last_name FROM customers WHERE is_active = 1 AND is_active = 0",
    )),
    ("contradiction", "shop", "orders that are delivered but also pending", (
        "SELECT order_id FROM orders WHERE status = 'pending' AND status = 'delivered'",
    )),
    ("contradiction", "hospital", "How many rooms have more than 3 beds and fewer than 2 beds?", ("SELECT 0",)),
    ("contradiction", "demo", "employees with a salary over 90000 and under 30000", (
        "SELECT first_name, last_name FROM employee WHERE salary > 90000 AND salary < 30000",
    )),
    # dates that are turned round, do not exist or are beyond all data
    ("dates", "demo", "How many orders were placed between 2030 and 2020?", ("SELECT 0",)),
    ("dates", "shop", "orders between 2030 and 2020", ("SELECT order_id FROM orders WHERE 0",)),
    ("dates", "hospital", "How many visits were there between December 2023 and January 2022?", ("SELECT 0",)),
    ("dates", "shop", "How many orders were placed on 31 February 2023?", ("SELECT 0",)),
    ("dates", "hospital", "Who was admitted on 2023-02-30?", ("SELECT given_name, family_name FROM patients WHERE 0",)),
    ("dates", "demo", "How many orders were placed in the 13th month of 2023?", ("SELECT 0",)),
    ("dates", "shop", "How many orders were placed in 1850?", ("SELECT 0",)),
    ("dates", "hospital", "How many visits were there in Q5 2022?", ("SELECT 0",)),
    # words that mean nothing, and almost nothing
    ("nonsense", "demo", "blorf the quux of every wibble", ()),
    ("nonsense", "shop", "???", ()),
    ("nonsense", "shop", "customer customer customer order order", ()),
    ("nonsense", "hospital", "asdf jkl; qwertz", ()),
    ("nonsense", "hospital", "show", ()),
    ("nonsense", "demo", "1234567890", ()),
    # near what is there
    ("near miss", "shop", "What is the average salary by nationality?", ()),
    ("near miss", "shop", "Which customer has the longest beard?", ()),
    ("near miss", "hospital", "Which doctors speak Spanish?", ()),
    ("near miss", "hospital", "How many patients voted in 2022?", ()),
    ("near miss", "demo", "Which employees are left-handed?", ()),
    ("near miss", "demo", "total tax of all orders", ()),
    # names of persons and values that are not stored
    ("missing value", "shop", "How much did Zaphod Beeblebrox spend?", ("SELECT NULL", "SELECT 0")),
    ("missing value", "hospital", "How many patients live in Atlantis?", ("SELECT 0",)),
    ("missing value", "demo", "Which customers are from Narnia?", ("SELECT company_name FROM customer WHERE 0",)),
)  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", PLAIN)
def test_the_form_of_a_question_makes_no_certain_answer_wrong(field, name: str, form: str):
    for question, golds in PLAIN[name].items():
        field(name).check_honest(FORMS[form](question), golds)


@pytest.mark.parametrize(
    ("kind", "name", "question", "golds"), UNSURE, ids=[f"{one[0]}-{place}" for place, one in enumerate(UNSURE)]
)
def test_a_doubtful_question_gets_no_certain_answer_that_is_wrong(field, kind: str, name: str, question: str, golds):
    field(name).check_honest(question, golds)


@pytest.mark.parametrize("name", PLAIN)
def test_five_thousand_words_are_refused_at_once(field, name: str):
    """They are over the limit of a question, which is an error of the caller's, told with the limit."""
    question = " ".join(["please list the big ones that we talked about yesterday"] * 500)
    start = time.process_time()
    with pytest.raises(UsageError, match="at most 10000"):
        field(name).ask(question)
    assert time.process_time() - start < 1


@pytest.mark.parametrize("name", PLAIN)
def test_a_question_buried_in_many_words_gets_no_certain_answer_that_is_wrong(field, name: str):
    question, golds = next(iter(PLAIN[name].items()))
    padding = "I was talking to a colleague of mine about the weather and the holidays before lunch. " * 50
    start = time.process_time()
    field(name).check_honest(f"{padding}{question} {padding}"[:9_900], golds)
    assert time.process_time() - start < 20


REPEATED = (
    "between 2020 and ", "and ", "or ", "not ", "7", "(", "'", "'Berlin' or ", "more than 5 less than ", "name, ",
    "per city by country for each ", "31 February 2023 to 5 May ", "last 30 days of this year ", "top 5 ",
    "20 % of 160k ", "Berlin Munich Hamburg ", "orders of customers with products ", "1.2.3.", "a-b-",
)  # fmt: skip


@pytest.mark.parametrize("unit", REPEATED)
def test_a_pattern_that_is_repeated_to_the_limit_costs_little_and_is_not_certain(field, unit: str):
    """Readers of phrases must not look at every pair of places: at the limit they would take minutes."""
    one: Field = field("shop")
    one.ask("How many suppliers are there?")  # weights are loaded
    start = time.process_time()
    answer = one.ask(("Which customers " + unit * 10_000)[:9_800])
    assert time.process_time() - start < 10
    check_shape(answer)
    assert answer.outcome != ANSWERED, describe(answer)


@pytest.mark.parametrize("name", PLAIN)
def test_no_question_changes_the_database(field, name: str):
    one: Field = field(name)
    before = hashlib.sha256(one.path.read_bytes()).digest()
    table = one.schema.tables[0].name
    for question in (f"'; DROP TABLE {table}; --", f"delete all rows of {table}", f"DELETE FROM {table}"):
        one.ask(question)
    assert hashlib.sha256(one.path.read_bytes()).digest() == before


@pytest.mark.parametrize("question", ["", " ", "\n\t", "\x00"])
def test_an_empty_question_is_an_error(field, question: str):
    with pytest.raises(UsageError, match="empty"):
        field("demo").ask(question)


@pytest.mark.parametrize("question", ["\u200b", "?", ".", "🎉", "---"])
def test_a_question_without_words_is_not_answered(field, question: str):
    answer = field("demo").ask(question)
    check_shape(answer)
    assert answer.outcome == "unanswered", describe(answer)
