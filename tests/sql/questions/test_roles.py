"""A word of the question has one role in the query: condition, group, order or what is shown.

A column that is named for a condition and only shown is no explanation of the word, nor is a table that is joined where
the question groups by it. An answer that is given as certain must use each word in its role.
"""

from __future__ import annotations

import pytest

# role, database, question, accepted queries
CASES = (
    ("condition", "demo", "List the certified suppliers.", ("SELECT supplier_name FROM supplier WHERE certified",)),
    ("condition", "demo", "Which suppliers are not certified?", (
        "SELECT supplier_name FROM supplier WHERE NOT certified",
    )),
    ("condition", "demo", "names of the discontinued products", (
        "SELECT product_name FROM product WHERE discontinued",
    )),
    ("condition", "hospital", "Give me the numbers of the private rooms.", (
        "SELECT room_number FROM rooms WHERE private = 'Y'",
    )),
    ("condition", "hospital", "appointments that were cancelled, how many?", (
        "SELECT COUNT(*) FROM appointments WHERE status = 'cancelled'",
    )),
    ("condition", "shop", "Which suppliers are not preferred?", (
        "SELECT company_name FROM suppliers WHERE preferred = 0",
    )),
    ("condition", "shop", "How many coupons are single use?", ("SELECT COUNT(*) FROM coupons WHERE single_use = 1",)),
    ("share", "demo", "share of suppliers that are certified", (
        "SELECT AVG(certified) FROM supplier", "SELECT 100.0 * AVG(certified) FROM supplier",
    )),
    ("share", "hospital", "What percentage of the visits were emergencies?", (
        "SELECT 100.0 * AVG(visit_type = 'emergency') FROM visits",
    )),
    ("group", "demo", "average unit price by roast", (
        'SELECT roast, AVG("Unit Price") FROM product GROUP BY roast',
        'SELECT TRIM(roast), AVG("Unit Price") FROM product GROUP BY TRIM(roast)',
    )),
    ("group", "demo", "count employees by job title", ("SELECT job_title, COUNT(*) FROM employee GROUP BY job_title",)),
    ("group", "demo", "How many cities are there per country?", (
        "SELECT o.name, COUNT(*) FROM city AS c JOIN country AS o ON o.iso_code = c.iso_code GROUP BY o.iso_code",
        "SELECT iso_code, COUNT(*) FROM city GROUP BY iso_code",
    )),
    ("group", "shop", "average list price by supplier", (
        "SELECT s.company_name, AVG(p.list_price) FROM products AS p JOIN suppliers AS s "
        "ON s.supplier_id = p.supplier_id GROUP BY s.supplier_id",
        "SELECT supplier_id, AVG(list_price) FROM products GROUP BY supplier_id",
    )),
    ("group", "hospital", "number of rooms by department", (
        "SELECT t.dept_name, COUNT(*) FROM rooms AS r JOIN departments AS t ON t.dept_code = r.dept_code "
        "GROUP BY t.dept_code",
        "SELECT dept_code, COUNT(*) FROM rooms GROUP BY dept_code",
    )),
    ("year", "demo", "How many reviews were written in 2023?", ()),  # reviews have no date
    ("year", "demo", "How many employees were hired in 2023?", (
        "SELECT COUNT(*) FROM employee WHERE hired_on LIKE '2023%'",
    )),
    ("year", "shop", "How many products were launched in 2021?", (
        "SELECT COUNT(*) FROM products WHERE launched_on LIKE '2021%'",
    )),
    ("year", "shop", "reviews posted in 2023, how many?", (
        "SELECT COUNT(*) FROM reviews WHERE STRFTIME('%Y', posted_epoch, 'unixepoch') = '2023'",
    )),
    ("year", "hospital", "How many doctors were hired in 2018?", (
        "SELECT COUNT(*) FROM doctors WHERE hired_on LIKE '2018%'",
    )),
    ("entity", "demo", "Which warehouse has the largest capacity?", (
        "SELECT warehouse_name FROM warehouse ORDER BY capacity DESC LIMIT 1",
    )),
    ("entity", "demo", "heaviest product", (
        "SELECT product_name FROM product WHERE weight_grams = (SELECT MAX(weight_grams) FROM product)",
        "SELECT product_name, weight_grams FROM product WHERE weight_grams = (SELECT MAX(weight_grams) FROM product)",
    )),
    ("entity", "shop", "Which supplier has the longest lead time?", (
        "SELECT company_name FROM suppliers ORDER BY lead_time_days DESC LIMIT 1",
        "SELECT company_name, lead_time_days FROM suppliers ORDER BY lead_time_days DESC LIMIT 1",
    )),
    ("entity", "hospital", "Which department has the biggest budget?", (
        "SELECT dept_name FROM departments ORDER BY annual_budget DESC LIMIT 1",
        "SELECT dept_name, annual_budget FROM departments ORDER BY annual_budget DESC LIMIT 1",
    )),
    ("text as a measure", "demo", "Which customer has the longest name?", (
        "SELECT company_name FROM customer "
        "WHERE LENGTH(company_name) = (SELECT MAX(LENGTH(company_name)) FROM customer)",
    )),
    ("text as a measure", "hospital", "Which insurer is the biggest?", ()),
    ("text as a measure", "shop", "Which warehouse is the oldest?", ()),
    ("self reference", "shop", "How many people have Peter Osei as their manager?", (
        "SELECT COUNT(*) FROM employees WHERE manager_id = 4",
    )),
    ("self reference", "hospital", "Which doctors are supervised by Dr. Jan Prohaska?", (
        "SELECT doctor_name FROM doctors WHERE supervisor_id = 11",
    )),
    ("negation", "demo", "Which customers have never placed an order?", (
        'SELECT company_name FROM customer WHERE customer_id NOT IN (SELECT customer_id FROM "order")',
    )),
    ("negation", "shop", "How many orders have no sales rep?", (
        "SELECT COUNT(*) FROM orders WHERE sales_rep_id IS NULL",
    )),
    ("negation", "shop", "How many categories have no products?", (
        "SELECT COUNT(*) FROM categories WHERE category_id NOT IN (SELECT category_id FROM products)",
    )),
    ("negation", "hospital", "How many visits have no room?", ("SELECT COUNT(*) FROM visits WHERE room_id IS NULL",)),
    ("negation", "hospital", "How many visits ended without a prescription?", (
        "SELECT COUNT(*) FROM visits WHERE visit_id NOT IN (SELECT visit_id FROM prescriptions)",
    )),
    ("sum", "shop", "How much was refunded in total?", (
        "SELECT SUM(refund_amount) FROM returns",
        "SELECT SUM(refund_amount) FROM returns WHERE approved = 'Y'",
        "SELECT SUM(amount) FROM payments WHERE status = 'refunded'",
    )),
    ("sum", "hospital", "How much have patients paid so far?", ("SELECT SUM(amount_paid) FROM invoices",)),
    ("sum", "demo", "How much do we pay all employees together?", ("SELECT SUM(salary) FROM employee",)),
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "question", "golds"),
    [case[1:] for case in CASES],
    ids=[f"{case[0].replace(' ', '_')}-{place}" for place, case in enumerate(CASES)],
)
def test_an_answer_that_is_certain_uses_each_word_in_its_role(field, name: str, question: str, golds):
    field(name).check_honest(question, golds)


def test_every_accepted_query_of_this_file_runs(field):
    for _, name, question, golds in CASES:
        for gold in golds:
            assert field(name).rows(gold) is not None, question
