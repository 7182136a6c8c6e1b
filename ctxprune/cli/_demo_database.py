"""The sample database of `ctxprune demo`: a coffee importer with 12 tables, about 26,000 rows and the usual dirt.

Everything in it is invented and made from one seed. Names with spaces, a reserved word as a table name, accents, mixed
case, stray blanks, NULLs, and dates kept as text are meant.
"""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["make_database"]

_SCHEMA = """
CREATE TABLE country (iso_code CHAR(2) PRIMARY KEY, name TEXT NOT NULL, continent TEXT);
CREATE TABLE city (city_id INTEGER PRIMARY KEY, name VARCHAR(60), iso_code CHAR(2) REFERENCES country(iso_code));
CREATE TABLE customer (
    customer_id INTEGER PRIMARY KEY, company_name TEXT NOT NULL, email TEXT, city_id INTEGER REFERENCES city(city_id),
    "Customer Since" DATE, segment VARCHAR(20), credit_limit REAL);
CREATE TABLE supplier (
    supplier_id INTEGER PRIMARY KEY, supplier_name TEXT NOT NULL, iso_code CHAR(2) REFERENCES country(iso_code),
    certified BOOLEAN);
CREATE TABLE product (
    product_id INTEGER PRIMARY KEY, product_name TEXT NOT NULL, supplier_id INTEGER REFERENCES supplier(supplier_id),
    roast VARCHAR(12), "Unit Price" REAL, weight_grams INTEGER, discontinued BOOLEAN DEFAULT 0);
CREATE TABLE employee (
    employee_id INTEGER PRIMARY KEY, first_name TEXT, last_name TEXT, job_title TEXT, salary REAL, hired_on DATE,
    manager_id INTEGER REFERENCES employee(employee_id));
CREATE TABLE "order" (
    order_id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customer(customer_id),
    employee_id INTEGER REFERENCES employee(employee_id), order_date DATE, currency CHAR(3), status VARCHAR(12));
CREATE TABLE "order line" (
    order_id INTEGER REFERENCES "order"(order_id), line_no INTEGER, product_id INTEGER REFERENCES product(product_id),
    quantity INTEGER, discount REAL, PRIMARY KEY (order_id, line_no));
CREATE TABLE warehouse (warehouse_id INTEGER PRIMARY KEY, warehouse_name TEXT, city_id INTEGER REFERENCES city(city_id),
    capacity INTEGER);
CREATE TABLE stock (warehouse_id INTEGER REFERENCES warehouse(warehouse_id),
    product_id INTEGER REFERENCES product(product_id), on_hand INTEGER, PRIMARY KEY (warehouse_id, product_id));
CREATE TABLE shipment (shipment_id INTEGER PRIMARY KEY, order_id INTEGER REFERENCES "order"(order_id),
    warehouse_id INTEGER REFERENCES warehouse(warehouse_id), shipped_on TEXT, carrier TEXT);
CREATE TABLE review (review_id INTEGER PRIMARY KEY, product_id INTEGER REFERENCES product(product_id),
    customer_id INTEGER REFERENCES customer(customer_id), stars INTEGER, comment TEXT);
"""

_COUNTRIES = (
    ("BR", "Brazil", "South America"), ("CO", "Colombia", "South America"), ("ET", "Ethiopia", "Africa"),
    ("KE", "Kenya", "Africa"), ("VN", "Vietnam", "Asia"), ("DE", "Germany", "Europe"), ("FR", "France", "Europe"),
    ("IT", "Italy", "Europe"), ("PT", "Portugal", "Europe"), ("PL", "Poland", "Europe"), ("JP", "Japan", "Asia"),
    ("US", "United States", "North America"),
)  # fmt: skip
_CITIES = (
    ("São Paulo", "BR"), ("Bogotá", "CO"), ("Medellín", "CO"), ("Addis Ababa", "ET"), ("Nairobi", "KE"),
    ("Hà Nội", "VN"), ("Berlin", "DE"), ("München", "DE"), ("Köln", "DE"), ("Paris", "FR"), ("Lyon", "FR"),
    ("Milano", "IT"), ("Torino", "IT"), ("Lisboa", "PT"), ("Porto", "PT"), ("Łódź", "PL"), ("Kraków", "PL"),
    ("Tokyo", "JP"), ("Osaka", "JP"), ("Portland", "US"), ("Seattle", "US"), ("Springfield", "US"),
)  # fmt: skip
_SUPPLIERS = (
    ("Fazenda Boa Vista", "BR"), ("Fazenda São João", "BR"), ("Finca El Roble", "CO"), ("Hacienda La Paz", "CO"),
    ("Yirga Cooperative", "ET"), ("Sidama Growers Union", "ET"), ("Nyeri Highlands", "KE"), ("Đà Lạt Estate", "VN"),
)  # fmt: skip
_BEANS = ("Bourbon", "Caturra", "Heirloom", "Gesha", "Maragogype", "Peaberry", "Robusta", "Typica")
_ROASTS = ("light", "medium", "dark", "Dark ")  # the last one is dirt
_FIRST = ("Ana", "Björn", "Chidi", "Daria", "Émile", "Fumiko", "Giulia", "Hana", "Iván", "Jonas", "Katarzyna", "Linh")
_LAST = (
    "Andersen",
    "Böhm",
    "Costa",
    "Dubois",
    "Eze",
    "Ferrari",
    "Gómez",
    "Haddad",
    "Ito",
    "Kowalska",
    "Nguyen",
    "O'Neil",
)
_TITLES = ("Sales Representative", "Account Manager", "Head of Sales", "Logistics Clerk")
_FIRMS = ("Café", "Roastery", "Espresso Bar", "Kaffeehaus", "Coffee House", "Torrefazione", "Bistro", "Hotel")
_WORDS = ("Amber", "Blue", "Corner", "Double", "Early", "Fox & Fern", "Golden", "Harbour", "Iron", "Jolly", "Kite",
          "Lucky", "Marble", "North", "Old Mill", "Pepper", "Quiet", "Rabbit", "Silver", "Tiny")  # fmt: skip
_CARRIERS = ("DHL", "UPS", "DPD", "fedex", "FedEx")
_COMMENTS = (
    "Bright and floral.",
    "Too bitter for us",
    "Sold out in a day!",
    "",
    "Great with milk",
    "ok",
    "Späte Lieferung",
)
_START = date(2022, 1, 1)
_DAYS = 1096


def make_database(path: Path, *, seed: int = 0) -> None:
    """Write the sample database to `path`, which must not exist yet. The same seed gives the same rows.

    Raises:
        FileExistsError: There is a file at `path`.
    """
    with path.open("xb"):
        pass
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(_SCHEMA)
        for table, rows in _rows(random.Random(seed)):
            batch = list(rows)
            marks = ", ".join("?" * len(batch[0]))
            connection.executemany(f'INSERT INTO "{table}" VALUES ({marks})', batch)  # noqa: S608  (own names)


def _rows(rng: random.Random) -> Iterator[tuple[str, list[tuple[object, ...]]]]:
    cities = [(number, *city) for number, city in enumerate(_CITIES, 1)]
    yield "country", list(_COUNTRIES)
    yield "city", list(cities)
    yield "customer", [_customer(rng, number) for number in range(1, 601)]
    yield "supplier", [(number, *firm, number % 3 != 0) for number, firm in enumerate(_SUPPLIERS, 1)]
    yield "product", _products(rng)
    yield "employee", [_employee(rng, number) for number in range(1, 41)]
    orders = [_order(rng, number) for number in range(1, 6001)]
    yield "order", list(orders)
    yield "order line", [line for order in orders for line in _lines(rng, int(str(order[0])))]
    houses = [(1, "Hamburg Freihafen", 7), (2, "Porto Leixões", 15), (3, "Łódź Central", 16), (4, "Osaka Bay", 19)]
    yield "warehouse", [(*house, 1000 * house[0] + 4000) for house in houses]
    yield "stock", [(house, product, rng.randrange(0, 900)) for house in range(1, 5) for product in range(1, 65)]
    shipped = [order for order in orders if order[5] in {"shipped", "Shipped"}]
    yield "shipment", [_shipment(rng, number, order) for number, order in enumerate(shipped, 1)]
    yield (
        "review",
        [
            (n, rng.randint(1, 64), rng.randint(1, 600), rng.choice((1, 2, 3, 4, 4, 5, 5, None)), rng.choice(_COMMENTS))
            for n in range(1, 1501)
        ],
    )


def _day(rng: random.Random) -> date:
    return _START + timedelta(days=rng.randrange(_DAYS))


def _customer(rng: random.Random, number: int) -> tuple[object, ...]:
    words = f"{rng.choice(_WORDS)} {rng.choice(_FIRMS)}"
    name = f"{words} {number}" if number % 7 else f" {words} {number} "  # stray blanks
    email = None if number % 11 == 0 else f"{words.split(maxsplit=1)[0].lower()}{number}@example.com"
    segment = rng.choice(("retail", "Retail", "hospitality", "wholesale", None))
    limit = round(rng.uniform(500, 20000), 2)
    return number, name, email, rng.randint(1, len(_CITIES)), _day(rng).isoformat(), segment, limit


def _products(rng: random.Random) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for supplier in range(1, len(_SUPPLIERS) + 1):
        for bean in _BEANS:
            price = round(rng.uniform(6, 48), 2)
            name = f"{_SUPPLIERS[supplier - 1][0].split()[-1]} {bean}"
            weight = rng.choice((250, 500, 1000))
            rows.append((len(rows) + 1, name, supplier, rng.choice(_ROASTS), price, weight, rng.random() < 0.1))
    return rows


def _employee(rng: random.Random, number: int) -> tuple[object, ...]:
    manager = None if number == 1 else rng.randint(1, min(number - 1, 5))
    salary = round(rng.uniform(28000, 92000), -2)
    title = _TITLES[2] if number == 1 else rng.choice(_TITLES)
    return number, rng.choice(_FIRST), rng.choice(_LAST), title, salary, _day(rng).isoformat(), manager


def _order(rng: random.Random, number: int) -> tuple[object, ...]:
    currency = rng.choice(("EUR", "EUR", "EUR", "USD", "BRL", "eur"))
    status = rng.choice(("shipped", "shipped", "shipped", "open", "cancelled", "Shipped"))
    return number, rng.randint(1, 600), rng.randint(1, 40), _day(rng).isoformat(), currency, status


def _lines(rng: random.Random, order: int) -> list[tuple[object, ...]]:
    count = rng.randint(1, 4)
    discounts = (0, 0, 0.05, 0.1, None)
    return [(order, n, rng.randint(1, 64), rng.randint(1, 60), rng.choice(discounts)) for n in range(1, count + 1)]


def _shipment(rng: random.Random, number: int, order: tuple[object, ...]) -> tuple[object, ...]:
    day = date.fromisoformat(str(order[3])) + timedelta(days=rng.randint(1, 9))
    shipped = "n/a" if number % 97 == 0 else day.isoformat()
    return number, order[0], rng.randint(1, 4), shipped, rng.choice(_CARRIERS)
