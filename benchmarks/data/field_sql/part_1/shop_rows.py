"""The rows of the shop: the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial

from benchmarks.data.field_sql.draws import Rows, day, seconds
from benchmarks.data.field_sql.draws import moment as moment_of

__all__ = ["shop_rows"]

FIRST = [
    "Alice",
    "Bruno",
    "Carla",
    "Dmitri",
    "Elena",
    "Farid",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Karin",
    "Liam",
    "Marta",
    "Nadia",
    "Oskar",
    "Paula",
    "Quentin",
    "Rosa",
    "Stefan",
    "Tessa",
    "Umar",
    "Vera",
    "Walter",
    "Xenia",
    "Yusuf",
    "Zoe",
    "Anton",
    "Beate",
    "Cyril",
    "Dora",
]
LAST = [
    "Abbott",
    "Becker",
    "Castillo",
    "Dubois",
    "Eriksen",
    "Farkas",
    "Gruber",
    "Haddad",
    "Ivanova",
    "Jensen",
    "Kowalski",
    "Laurent",
    "Moreau",
    "Nowak",
    "Okafor",
    "Petrov",
    "Quinn",
    "Rossi",
    "Schmidt",
    "Tanaka",
    "Unger",
    "Vogel",
    "Weber",
    "Young",
    "Zimmer",
]
PLACES = (
    ("Berlin", "Germany", "10115"), ("Munich", "Germany", "80331"), ("Hamburg", "Germany", "20095"),
    ("Paris", "France", "75001"), ("Lyon", "France", "69001"), ("Vienna", "Austria", "1010"),
    ("Madrid", "Spain", "28001"), ("Rotterdam", "Netherlands", "3011"), ("Warsaw", "Poland", "00-001"),
)  # fmt: skip
WAREHOUSES: Rows = [
    (1, "Northgate", "Hamburg", "Germany", 12000), (2, "Lakeside", "Lyon", "France", 8500),
    (3, "Old Mill", "Warsaw", "Poland", 6400),
]  # fmt: skip
CATEGORIES: Rows = [
    (1, "Kitchen", None), (2, "Garden", None), (3, "Office", None), (4, "Outdoor", None),
    (5, "Cookware", 1), (6, "Coffee", 1), (7, "Knives", 1), (8, "Hand Tools", 2), (9, "Planters", 2),
    (10, "Stationery", 3), (11, "Desk Lamps", 3), (12, "Tents", 4), (13, "Backpacks", 4), (14, "Gift Cards", None),
]  # fmt: skip
SUPPLIERS: Rows = [
    (1, "Alpen Stahl GmbH", "Heidi Brandt", "Austria", 9, 1), (2, "Casa Verde SL", "Luis Romero", "Spain", 14, 0),
    (3, "Nordlicht AG", "Sven Lund", "Germany", 5, 1), (4, "Papeterie Duval", None, "France", 7, 0),
    (5, "Baltic Outdoor", "Ewa Zielinska", "Poland", 21, 1), (6, "Terra Cotta Srl", "Gino Bassi", "Italy", 30, 0),
    (7, "Lumen Works", "Priya Nair", "Netherlands", 12, 0), (8, "Sierra Packs", None, "Spain", 18, 0),
]  # fmt: skip
# name, category, supplier, list price, weight
PRODUCTS = (
    ("Cast Iron Pan", 5, 1, 64.90, 2.60), ("Copper Saucepan", 5, 1, 119.00, 1.40), ("Stock Pot 8L", 5, 3, 54.50, 2.20),
    ("Wok 32cm", 5, 3, 39.90, 1.70), ("Moka Pot", 6, 2, 29.90, 0.60), ("French Press", 6, 4, 34.00, 0.80),
    ("Burr Grinder", 6, 3, 149.00, 3.10), ("Pour Over Set", 6, 7, 44.00, 0.70), ("Chef Knife", 7, 1, 89.00, 0.25),
    ("Bread Knife", 7, 1, 59.00, 0.22), ("Paring Knife", 7, 3, 24.50, 0.09), ("Knife Block", 7, 3, 129.00, 3.80),
    ("Pruning Shears", 8, 2, 32.00, 0.35), ("Spade", 8, 2, 41.50, 1.90), ("Hand Trowel", 8, 2, 14.90, 0.30),
    ("Clay Planter", 9, 6, 22.00, 4.10), ("Hanging Basket", 9, 6, 18.50, 0.90), ("Raised Bed Kit", 9, 6, 179.00, 21.50),
    ("Fountain Pen", 10, 4, 48.00, 0.05), ("Notebook A5", 10, 4, 9.90, 0.30), ("Desk Planner", 10, 4, 19.90, 0.55),
    ("Brass Ruler", 10, 4, 16.00, 0.12), ("Arc Lamp", 11, 7, 99.00, 2.90), ("Clip Lamp", 11, 7, 35.00, 0.70),
    ("Banker Lamp", 11, 7, 139.00, 3.30), ("Two Person Tent", 12, 5, 249.00, 3.40),
    ("Family Tent", 12, 5, 459.00, 9.80), ("Tarp", 12, 5, 69.00, 1.20), ("Day Pack", 13, 8, 75.00, 0.85),
    ("Trekking Pack 60L", 13, 8, 219.00, 2.15), ("Kids Pack", 13, 8, 45.00, 0.50), ("Dry Bag", 13, 5, 27.00, 0.20),
    ("Thermos Flask", 4, 5, 38.00, 0.45), ("Camp Stove", 4, 5, 84.00, 0.95), ("Monitor Stand", 3, 3, 59.00, 4.20),
    ("Garden Bench", 2, 6, 289.00, 24.00),
)  # fmt: skip
# name, title, department, hired, left, salary, manager, warehouse
STAFF = (
    ("Ruth Albrecht", "Managing Director", "Management", "2012-03-01", None, 128000, None, None),
    ("Karl Mendez", "Head of Sales", "Sales", "2014-09-15", None, 86000, 1, None),
    ("Sofia Lindgren", "Head of Logistics", "Logistics", "2015-01-12", None, 83500, 1, None),
    ("Peter Osei", "Head of IT", "IT", "2016-06-01", None, 91000, 1, None),
    ("Ivy Chang", "Sales Representative", "Sales", "2018-04-03", None, 48200, 2, None),
    ("Marc Dupont", "Sales Representative", "Sales", "2019-02-18", None, 46900, 2, None),
    ("Leila Aziz", "Sales Representative", "Sales", "2020-10-05", None, 44500, 2, None),
    ("Tom Brady", "Sales Representative", "Sales", "2017-07-01", "2022-12-31", 47100, 2, None),
    ("Nora Fischer", "Sales Assistant", "Sales", "2022-08-15", None, 36400, 5, None),
    ("Igor Pavlov", "Warehouse Manager", "Logistics", "2016-11-20", None, 58700, 3, 1),
    ("Claire Martin", "Warehouse Manager", "Logistics", "2018-05-14", None, 56300, 3, 2),
    ("Adam Wojcik", "Warehouse Manager", "Logistics", "2019-09-09", None, 52100, 3, 3),
    ("Benno Kurz", "Picker", "Logistics", "2020-03-02", None, 31200, 10, 1),
    ("Fatma Yilmaz", "Picker", "Logistics", "2021-06-21", None, 30800, 10, 1),
    ("Luc Bernard", "Picker", "Logistics", "2021-01-11", "2023-03-31", 30500, 11, 2),
    ("Zofia Mazur", "Picker", "Logistics", "2022-02-07", None, 29900, 12, 3),
    ("Omar Said", "Driver", "Logistics", "2019-12-02", None, 33400, 10, 1),
    ("Hannah Stone", "Developer", "IT", "2018-08-20", None, 69500, 4, None),
    ("Raj Patel", "Developer", "IT", "2021-04-12", None, 64800, 4, None),
    ("Mei Lin", "Support Engineer", "IT", "2022-05-02", None, 52400, 4, None),
    ("Gustav Holm", "Support Engineer", "IT", "2017-02-13", "2021-09-30", 50900, 4, None),
    ("Diana Ross-Hill", "Accountant", "Finance", "2015-10-01", None, 61200, 1, None),
    ("Emil Novak", "Accountant", "Finance", "2023-01-09", None, 54700, 22, None),
)
COUPONS: Rows = [
    (1, "SPRING10", 10, "2022-03-01", "2022-05-31", 0), (2, "WELCOME5", 5, "2021-01-01", None, 1),
    (3, "BLACKFRIDAY25", 25, "2022-11-20", "2022-11-30", 0), (4, "VIP15", 15, "2021-06-01", None, 0),
    (5, "SORRY20", 20, "2021-01-01", "2023-12-31", 1), (6, "SUMMER12", 12, "2023-06-15", "2023-08-31", 0),
    (7, "STAFF40", 40, "2020-01-01", None, 0),
]  # fmt: skip
COMMENTS = (
    "Great value", "Broke after a week", "Exactly as described", "Too heavy", "Would buy again", "Arrived late",
    "Smaller than expected", "Lovely finish",
)  # fmt: skip
REASONS = ("damaged", "wrong item", "changed mind", "too late", "defective")
START, END = date(2021, 1, 4), date(2024, 6, 30)
moment = partial(moment_of, hours=(7, 22), to_the_second=True)


def customer_rows(chance: random.Random, count: int) -> Rows:
    """Names are unique, so that a name stands for one customer."""
    names = chance.sample([(first, last) for first in FIRST for last in LAST], count)
    rows: Rows = []
    for key, (first, last) in enumerate(names, start=1):
        email = None if chance.random() < 0.07 else f"{first}.{last}@example.org".lower()
        phone = None if chance.random() < 0.25 else f"+49 30 {chance.randrange(100000, 999999)}"
        birth = None if chance.random() < 0.12 else day(chance, date(1942, 1, 1), date(2004, 12, 31)).isoformat()
        signup = day(chance, date(2019, 1, 1), date(2024, 5, 31)).isoformat()
        tier = chance.choice((None, None, "bronze", "bronze", "silver", "gold"))
        referrer = chance.randrange(1, key) if key > 10 and chance.random() < 0.2 else None
        letter, active = chance.choice("YYN"), int(chance.random() < 0.8)
        rows.append((key, first, last, email, phone, birth, signup, letter, active, tier, referrer))
    return rows


def address_rows(chance: random.Random, customers: int) -> Rows:
    rows: Rows = []
    for customer in range(1, customers + 1):
        city, country, code = chance.choice(PLACES)
        street = f"{chance.choice(LAST)} Street {chance.randrange(1, 140)}"
        rows.append((len(rows) + 1, customer, "billing", street, city, code, country))
        if chance.random() < 0.4:
            city, country, code = chance.choice(PLACES)
            street = f"{chance.choice(LAST)} Road {chance.randrange(1, 90)}"
            rows.append((len(rows) + 1, customer, "shipping", street, city, code, country))
    return rows


def product_rows(chance: random.Random) -> Rows:
    rows: Rows = []
    for key, (name, category, supplier, price, weight) in enumerate(PRODUCTS, start=1):
        sku = f"{name[:2].upper()}-{1000 + 37 * key}"
        launched = None if key % 13 == 0 else day(chance, date(2017, 1, 1), date(2023, 9, 30)).isoformat()
        cost = round(price * chance.uniform(0.42, 0.71), 2)
        rows.append((key, sku, name, category, supplier, price, cost, weight, launched, "Y" if key % 9 == 0 else "N"))
    return rows


def order_rows(chance: random.Random, count: int, customers: int, addresses: Rows) -> Rows:
    """A tenth of the customers never orders; the last months have open orders."""
    buyers = [key for key in range(1, customers + 1) if key % 10]
    homes: dict[object, object] = {}
    for address in addresses:
        homes[address[1]] = address[0]
    rows: Rows = []
    for key, at in enumerate(sorted(day(chance, START, END) for _ in range(count)), start=1):
        customer = buyers[int(len(buyers) * chance.random() ** 1.4)]
        late = at > date(2024, 5, 15)
        weights = (3, 3, 3, 2, 1) if late else (0, 1, 1, 24, 3)
        status = chance.choices(("pending", "paid", "shipped", "delivered", "cancelled"), weights)[0]
        channel = chance.choices(("web", "phone", "store"), (6, 2, 2))[0]
        seller = None if channel == "web" else chance.choice((5, 6, 7, 8, 9))
        coupon = chance.randrange(1, 7) if chance.random() < 0.22 else None
        cost = chance.choice((0.0, 4.9, 4.9, 6.9, 12.5))
        rows.append((key, customer, at.isoformat(), status, channel, coupon, seller, homes[customer], cost))
    return rows


def item_rows(chance: random.Random, orders: Rows) -> Rows:
    rows: Rows = []
    for order in orders:
        sold = chance.sample(range(1, len(PRODUCTS)), chance.choices((1, 2, 3, 4), (5, 4, 2, 1))[0])
        for line, product in enumerate(sold, start=1):
            price = round(PRODUCTS[product - 1][3] * chance.choice((1, 1, 1, 0.9, 0.85)), 2)
            rows.append((order[0], line, product, chance.choices((1, 2, 3, 5), (8, 4, 2, 1))[0], price))
    return rows


def payment_rows(chance: random.Random, orders: Rows, items: Rows) -> Rows:
    totals: dict[object, float] = {}
    for order, _, _, quantity, price in items:
        totals[order] = totals.get(order, 0.0) + quantity * price  # type: ignore[operator]
    rows: Rows = []
    for order in orders:
        if order[3] == "pending":
            continue
        at = moment(chance, date.fromisoformat(str(order[2])) + timedelta(days=chance.choice((0, 0, 0, 1, 2, 6))))
        method = chance.choices(("card", "paypal", "bank_transfer", "gift_card"), (6, 3, 2, 1))[0]
        amount = round(totals[order[0]] + float(str(order[8])), 2)
        if chance.random() < 0.06:
            rows.append((len(rows) + 1, order[0], method, amount, None, "failed"))
        status = "refunded" if order[3] == "cancelled" else "captured"
        rows.append((len(rows) + 1, order[0], method, amount, str(at), status))
    return rows


def shipment_rows(chance: random.Random, orders: Rows) -> Rows:
    rows: Rows = []
    for order in orders:
        if order[3] not in {"shipped", "delivered"}:
            continue
        left = moment(chance, date.fromisoformat(str(order[2])) + timedelta(days=chance.randrange(1, 5)))
        carrier = chance.choice(("DHL", "UPS", "DPD", "GLS"))
        arrived = str(left + timedelta(hours=chance.randrange(20, 190))) if order[3] == "delivered" else None
        tracking = None if chance.random() < 0.05 else f"{carrier[:2]}{chance.randrange(10**8, 10**9)}"
        rows.append((len(rows) + 1, order[0], chance.choice((1, 1, 2, 3)), carrier, str(left), arrived, tracking))
    return rows


def return_rows(chance: random.Random, orders: Rows, items: Rows) -> Rows:
    dates = {order[0]: order[2] for order in orders if order[3] == "delivered"}
    rows: Rows = []
    for order, _, product, quantity, price in items:
        if order in dates and chance.random() < 0.09:
            at = date.fromisoformat(str(dates[order])) + timedelta(days=chance.randrange(6, 30))
            amount = None if chance.random() < 0.1 else round(int(str(quantity)) * float(str(price)), 2)
            approved = chance.choice(("Y", "Y", "Y", "N", None))
            key = len(rows) + 1
            rows.append((key, order, product, at.strftime("%d/%m/%Y"), chance.choice(REASONS), amount, approved))
    return rows


def review_rows(chance: random.Random, count: int, customers: int) -> Rows:
    rows: Rows = []
    for key in range(1, count + 1):
        product = chance.choice([one for one in range(1, len(PRODUCTS) + 1) if one not in {18, 27}])
        comment = None if chance.random() < 0.4 else chance.choice(COMMENTS)
        at = seconds(moment(chance, day(chance, START, END)))
        rating = chance.choices((1, 2, 3, 4, 5), (1, 1, 2, 5, 5))[0]
        rows.append((key, product, chance.randrange(1, customers + 1), rating, comment, at))
    return rows


def stock_rows(chance: random.Random) -> Rows:
    rows: Rows = []
    for warehouse in (1, 2, 3):
        for product in range(1, len(PRODUCTS) + 1):
            if chance.random() < 0.75:
                counted = None if chance.random() < 0.1 else str(moment(chance, day(chance, date(2024, 1, 2), END)))
                on_hand = chance.choice((0, 3, 8, 15, 24, 40, 65, 120))
                rows.append((warehouse, product, on_hand, chance.choice((5, 10, 20)), counted))
    return rows


def shop_rows(seed: int) -> Iterator[tuple[str, Rows]]:
    """Each table's name and rows, referenced tables first."""
    chance = random.Random(seed)
    customers = 160
    addresses = address_rows(chance, customers)
    orders = order_rows(chance, 900, customers, addresses)
    items = item_rows(chance, orders)
    yield "warehouses", WAREHOUSES
    yield "employees", [(key, *row) for key, row in enumerate(STAFF, start=1)]
    yield "customers", customer_rows(chance, customers)
    yield "addresses", addresses
    yield "categories", CATEGORIES
    yield "suppliers", SUPPLIERS
    yield "products", product_rows(chance)
    yield "coupons", COUPONS
    yield "orders", orders
    yield "order_items", items
    yield "payments", payment_rows(chance, orders, items)
    yield "shipments", shipment_rows(chance, orders)
    yield "returns", return_rows(chance, orders, items)
    yield "reviews", review_rows(chance, 420, customers)
    yield "stock", stock_rows(chance)
