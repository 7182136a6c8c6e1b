"""The rows of the garden centres: the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from benchmarks.data.field_sql.draws import Rows, day, moment, seconds

__all__ = ["garden_centre_rows"]

FIRST = [
    "Agnes", "Boris", "Carla", "Duncan", "Edith", "Fabian", "Gloria", "Hector", "Irene", "Jonas", "Karin",
    "Ludwig", "Marlene", "Norbert", "Olga", "Patrick", "Renata", "Stefan", "Teresa", "Viktor",
]  # fmt: skip
LAST = [
    "Albrecht", "Bauer", "Castellan", "Dressler", "Engel", "Fischer", "Gruber", "Hoffmann", "Jansen", "Keller",
    "Lindner", "Moser", "Neumann", "Pichler", "Richter", "Steiner", "Thaler", "Unger", "Vogel", "Wagner",
]  # fmt: skip
CITIES = ("Salzburg", "Linz", "Graz", "Passau", "Rosenheim", "Wels", "Villach")
BRANCHES: Rows = [
    (1, "Riverside", "Salzburg", "1994-04-16", 4200, 1), (2, "Old Mill", "Linz", "2003-03-01", 3100, 1),
    (3, "Castle Hill", "Graz", "2011-09-10", 2650, 0), (4, "Station Road", "Passau", "2017-05-06", 1800, 0),
    (5, "Lakeside", "Rosenheim", "2021-03-20", 2200, 1),
]  # fmt: skip
# name, job, branch, hired, left, wage, supervisor
STAFF = (
    ("Helene Strasser", "managing director", None, "1994-01-03", None, 68.00, None),
    ("Arthur Wimmer", "branch manager", 1, "2001-02-12", None, 36.50, 1),
    ("Bettina Krenn", "branch manager", 2, "2006-08-21", None, 35.20, 1),
    ("Clemens Rauch", "branch manager", 3, "2011-07-04", None, 33.90, 1),
    ("Doris Hutter", "branch manager", 4, "2017-03-13", None, 31.40, 1),
    ("Emil Sommer", "branch manager", 5, "2020-11-02", None, 32.10, 1),
    ("Franziska Lang", "buyer", None, "2012-05-14", None, 29.80, 1),
    ("Georg Plank", "buyer", None, "2019-09-16", "2023-08-31", 27.30, 7),
    ("Hanna Kofler", "gardener", 1, "2009-03-02", None, 21.70, 2),
    ("Ignaz Brunner", "gardener", 2, "2015-04-13", None, 20.40, 3),
    ("Judith Ebner", "gardener", 3, "2022-02-28", None, 18.10, 4),
    ("Konstantin Moor", "gardener", 1, "2018-03-19", "2022-10-31", 19.20, 9),
    ("Lena Winkler", "florist", 1, "2013-10-07", None, 20.90, 2),
    ("Manfred Auer", "florist", 2, "2020-06-15", None, 18.80, 3),
    ("Nina Berger", "cashier", 1, "2016-01-25", None, 16.90, 2),
    ("Otto Fuchs", "cashier", 2, "2021-04-06", None, 15.70, 3),
    ("Paula Reiter", "cashier", 3, "2014-11-17", None, 17.20, 4),
    ("Quirin Maier", "cashier", 4, "2019-03-04", None, 16.30, 5),
    ("Rosa Haas", "cashier", 5, "2021-02-22", None, 15.90, 6),
    ("Sebastian Wolf", "cashier", 1, "2022-05-09", "2024-01-31", 15.20, 15),
    ("Tanja Eder", "driver", 1, "2017-08-28", None, 17.80, 2),
    ("Ulrich Schmid", "driver", 2, "2020-01-13", None, 17.10, 3),
    ("Vera Pohl", "driver", 5, "2023-03-06", None, 16.60, 6),
)
GROUPS: Rows = [
    (1, "Plants", None), (2, "Garden Supplies", None), (3, "Trees", 1), (4, "Shrubs", 1), (5, "Perennials", 1),
    (6, "Herbs", 1), (7, "Houseplants", 1), (8, "Seeds", 1), (9, "Tools", 2), (10, "Soil", 2), (11, "Pots", 2),
    (12, "Garden Furniture", None), (13, "Pond Supplies", 2),
]  # fmt: skip
GROWERS: Rows = [
    (1, "Alpenflora", "Austria", "Y", 1998), (2, "Baumschule Huber", "Germany", "N", 1995),
    (3, "Van Dijk Plants", "Netherlands", "N", 2004), (4, "Verde Vivo", "Italy", "Y", 2013),
    (5, "Steyr Ironworks", "Austria", "N", 2001), (6, "Moorland Earth", "Germany", "Y", 2016),
    (7, "Terracotta Rossi", "Italy", "N", 2009), (8, "Kwekerij de Linde", "Netherlands", "Y", 2020),
    (9, "Gartenholz Pirker", "Austria", "N", None),
]  # fmt: skip
# name, group, grower, price, light, hardy, height
ARTICLES = (
    ("Apple Tree Topaz", 3, 2, 39.90, "sun", "Y", 180), ("Plum Tree Stanley", 3, 2, 42.50, "sun", "Y", 175),
    ("Japanese Maple", 3, 3, 89.00, "half shade", "Y", 120), ("Olive Tree", 3, 4, 119.00, "sun", "N", 150),
    ("Fig Tree", 3, 4, 54.90, "sun", "N", 110), ("Cherry Laurel", 4, 2, 17.90, "half shade", "Y", 80),
    ("Hydrangea Blue", 4, 3, 22.50, "half shade", "Y", 55), ("Lilac", 4, 2, 26.90, "sun", "Y", 90),
    ("Oleander", 4, 4, 31.00, "sun", "N", 85), ("Rhododendron", 4, 3, 34.50, "shade", "Y", 60),
    ("Boxwood Ball", 4, 3, 28.40, "half shade", "Y", 40), ("Lavender", 5, 1, 5.90, "sun", "Y", 30),
    ("Hosta", 5, 3, 9.80, "shade", "Y", 35), ("Purple Coneflower", 5, 1, 6.70, "sun", "Y", 45),
    ("Sage Carpet", 5, 1, 6.20, "sun", "Y", 25), ("Fern", 5, 8, 8.40, "shade", "Y", 50),
    ("Peony", 5, 8, 14.90, "sun", "Y", 60), ("Basil", 6, 1, 2.90, "sun", "N", 20),
    ("Rosemary", 6, 4, 4.50, "sun", "N", 35), ("Garden Mint", 6, 1, 3.40, "half shade", "Y", 25),
    ("Chives", 6, 1, 2.70, "half shade", "Y", 20), ("Lemon Verbena", 6, 4, 5.20, "sun", "N", 40),
    ("Monstera", 7, 3, 36.00, "half shade", "N", 70), ("Orchid White", 7, 3, 18.90, "half shade", "N", 45),
    ("Peace Lily", 7, 8, 15.50, "shade", "N", 50), ("Rubber Plant", 7, 3, 24.00, "half shade", "N", 95),
    ("Aloe Vera", 7, 8, 9.90, "sun", "N", 25), ("Tomato Seeds", 8, 1, 3.20, "sun", None, None),
    ("Wildflower Seeds", 8, 1, 4.80, None, None, None), ("Pumpkin Seeds", 8, 8, 3.60, "sun", None, None),
    ("Spade", 9, 5, 34.90, None, None, None), ("Pruning Shears", 9, 5, 27.50, None, None, None),
    ("Rake", 9, 5, 19.90, None, None, None), ("Watering Can", 9, 5, 16.40, None, None, None),
    ("Hedge Trimmer", 9, 5, 139.00, None, None, None), ("Potting Soil 40 l", 10, 6, 8.90, None, None, None),
    ("Peat-free Soil 40 l", 10, 6, 11.50, None, None, None), ("Bark Mulch 60 l", 10, 6, 9.70, None, None, None),
    ("Terracotta Pot 20 cm", 11, 7, 7.30, None, None, None), ("Terracotta Pot 40 cm", 11, 7, 24.60, None, None, None),
    ("Glazed Planter", 11, 7, 48.00, None, None, None), ("Oak Bench", 12, 9, 329.00, None, None, None),
    ("Folding Chair", 12, 9, 49.00, None, None, None), ("Teak Table", 12, 9, 465.00, None, None, None),
    ("Sundial", None, 5, 74.00, None, None, None), ("Gift Wrap", None, None, 2.50, None, None, None),
)  # fmt: skip
# title, branch, host, day, seats, fee
WORKSHOPS: Rows = [
    (1, "Pruning Fruit Trees", 1, 9, "2022-02-19", 16, 25.0), (2, "Balcony Herbs", 2, 10, "2022-04-30", 20, 15.0),
    (3, "Autumn Wreaths", 1, 13, "2022-10-08", 12, 32.0), (4, "Advent Wreaths", 2, 14, "2022-11-19", 14, 35.0),
    (5, "Pruning Fruit Trees", 3, 11, "2023-02-25", 18, 25.0), (6, "Growing Tomatoes", 2, 10, "2023-04-15", 24, 12.0),
    (7, "Bee-friendly Gardens", 1, 9, "2023-05-20", 30, 0.0), (8, "Repotting Plants", 5, 6, "2023-09-16", 10, 18.0),
    (9, "Advent Wreaths", 1, 13, "2023-11-25", 14, 38.0), (10, "Rose Care", 1, 9, "2024-03-09", 20, 22.0),
    (11, "Making a Garden Pond", 4, 9, "2024-06-29", 15, 45.0),
]  # fmt: skip
REASONS = ("wilted", "wilted", "damaged", "wrong article", "pests", "not needed")
CASHIERS = {1: (15, 20), 2: (16, 14), 3: (17,), 4: (18,), 5: (19,)}
START, END = date(2022, 1, 3), date(2024, 5, 31)


def article_rows(chance: random.Random) -> Rows:
    rows: Rows = []
    for key, (name, group, grower, price, light, hardy, height) in enumerate(ARTICLES, start=1):
        cost = round(price * chance.uniform(0.38, 0.66), 2)
        added = day(chance, date(2015, 1, 1), date(2021, 12, 31) if key % 6 else date(2024, 3, 31)).isoformat()
        gone = int(chance.random() < 0.12)
        rows.append((key, name, group, grower, price, cost, light, hardy, height, added, gone))
    return rows


def client_rows(chance: random.Random, count: int) -> Rows:
    """Names are unique, so that a name stands for one client."""
    names = chance.sample([(first, last) for first in FIRST for last in LAST], count)
    rows: Rows = []
    for key, (first, last) in enumerate(names, start=1):
        email = None if chance.random() < 0.12 else f"{first}.{last}@example.org".lower()
        city = None if chance.random() < 0.05 else chance.choices(CITIES, (6, 5, 4, 3, 3, 2, 1))[0]
        birth = day(chance, date(1940, 1, 1), date(2004, 12, 31)).strftime("%d/%m/%Y")
        joined = str(moment(chance, day(chance, date(2018, 1, 2), date(2024, 4, 30)), hours=(8, 21)))
        friend = chance.randrange(1, key) if key > 5 and chance.random() < 0.2 else None
        born, letter = None if chance.random() < 0.1 else birth, int(chance.random() < 0.55)
        rows.append((key, first, last, email, city, born, joined, letter, chance.randrange(0, 2400), friend))
    return rows


def pick_cashier(chance: random.Random, branch: int, at: str) -> int | None:
    able = [key for key in CASHIERS[branch] if STAFF[key - 1][3] <= at <= (STAFF[key - 1][4] or "9999")]
    return chance.choice(able) if able else None


def sale_rows(chance: random.Random, count: int, clients: Rows) -> Rows:
    """A sixth of the clients never buys; a third of the sales in the stores is without a customer card."""
    rows: Rows = []
    while len(rows) < count:
        client = clients[int(len(clients) * chance.random() ** 1.5)]
        online = chance.random() < 0.3
        at = moment(chance, day(chance, START, END), hours=(0, 24) if online else (9, 19), to_the_second=True)
        if int(str(client[0])) % 6 == 0 or str(at) < str(client[6]):
            continue
        if online:
            way = chance.choice(("card", "card", "invoice", "voucher"))
            place: tuple[object, ...] = (client[0], None, None, str(at), way, "online")
        else:
            branch = chance.choices((1, 2, 3, 4, 5), (9, 7, 5, 2, 4))[0]
            cashier = pick_cashier(chance, branch, at.date().isoformat())
            way = chance.choice(("cash", "cash", "card", "card", "card", "voucher"))
            place = (None if chance.random() < 0.33 else client[0], branch, cashier, str(at), way, "store")
        rows.append((*place, "Y" if chance.random() < (0.13 if online else 0.02) else "N"))
    return [(key, *row) for key, row in enumerate(sorted(rows, key=lambda row: str(row[3])), start=20001)]


def line_rows(chance: random.Random, sales: Rows) -> Rows:
    """Three articles are never sold; prices of 2022 were a little lower."""
    never = {5, 41, 45}
    rows: Rows = []
    for sale in sales:
        pool = [key for key in range(1, len(ARTICLES) + 1) if key not in never]
        favoured = [key for key in pool if ARTICLES[key - 1][3] < 20]
        picked = {
            chance.choice(favoured if chance.random() < 0.7 else pool) for _ in range(chance.choice((1, 2, 2, 3, 4)))
        }
        for number, key in enumerate(sorted(picked), start=1):
            price = ARTICLES[key - 1][3]
            paid = round(price * (0.93 if str(sale[4]) < "2023" else 1.0), 2)
            rows.append((sale[0], number, key, chance.choice((1, 1, 1, 2, 3, 5) if price < 20 else (1, 1, 1, 2)), paid))
    return rows


def delivery_rows(chance: random.Random, sales: Rows) -> Rows:
    """Sales online that stand, and a few large ones in the stores; deliveries of the last days are under way."""
    rows: Rows = []
    for sale in sales:
        if sale[7] == "Y" or (sale[6] == "store" and chance.random() > 0.06):
            continue
        planned = date.fromisoformat(str(sale[4])[:10]) + timedelta(days=chance.randrange(1, 8))
        came = moment(chance, planned + timedelta(days=chance.choice((0, 0, 0, 0, 1, 3))), hours=(8, 18))
        at = None if came.date() > END else seconds(came)
        able = [key for key in (21, 21, 22, 23) if STAFF[key - 1][3] <= planned.isoformat()]
        driver = None if chance.random() < 0.08 else chance.choice(able)
        distance = round(chance.uniform(1.5, 58.0), 1)
        rows.append(
            (len(rows) + 1, sale[0], driver, planned.isoformat(), at, distance, chance.choice((0.0, 4.9, 9.9, 19.0)))
        )
    return rows


def return_rows(chance: random.Random, sales: Rows, lines: Rows) -> Rows:
    dates = {sale[0]: datetime.fromisoformat(str(sale[4])).date() for sale in sales if sale[7] == "N"}
    rows: Rows = []
    for sale, _, article, quantity, price in lines:
        if sale not in dates or chance.random() > 0.08:
            continue
        at = (dates[sale] + timedelta(days=chance.randrange(1, 28))).strftime("%d/%m/%Y")
        back = chance.randrange(1, int(str(quantity)) + 1)
        refund = round(back * float(str(price)), 2)
        reason = None if chance.random() < 0.12 else chance.choice(REASONS)
        rows.append((len(rows) + 1, sale, article, at, back, refund, reason, chance.choice(("Y", "N", "N", None))))
    return rows


def stock_rows(chance: random.Random) -> Rows:
    """The branches of Passau and Rosenheim do not keep every article."""
    rows: Rows = []
    for branch in range(1, 6):
        for article in range(1, len(ARTICLES) + 1):
            if branch > 3 and chance.random() < 0.3:
                continue
            counted = None if chance.random() < 0.08 else day(chance, date(2023, 10, 1), END).isoformat()
            rows.append((branch, article, chance.choice((0, 1, 4, 8, 15, 25, 60)), chance.choice((2, 5, 10)), counted))
    return rows


def grower_order_rows(chance: random.Random, count: int, articles: Rows) -> Rows:
    rows: Rows = []
    for _ in range(count):
        article = chance.choice(articles[:-1])
        ordered = day(chance, START, END)
        expected = ordered + timedelta(days=chance.randrange(5, 30))
        came = expected + timedelta(days=chance.randrange(-5, 12))
        received = None if came > END else came.isoformat()
        cost = round(float(str(article[5])) * chance.uniform(0.95, 1.1), 2)
        dates = (ordered.isoformat(), expected.isoformat(), received)
        rows.append((article[3], article[0], *dates, chance.choice((10, 20, 25, 50, 100, 150)), cost))
    return [(key, *row) for key, row in enumerate(sorted(rows, key=lambda row: str(row[2])), start=1)]


def booking_rows(chance: random.Random, clients: Rows) -> Rows:
    """Nobody has booked the last workshop."""
    rows: Rows = []
    for workshop in WORKSHOPS[:-1]:
        held = date.fromisoformat(str(workshop[4]))
        able = [client[0] for client in clients if str(client[6])[:10] < (held - timedelta(days=40)).isoformat()]
        for client in chance.sample(able, int(int(str(workshop[5])) * chance.uniform(0.4, 1.0))):
            booked = (held - timedelta(days=chance.randrange(2, 38))).isoformat()
            rows.append((workshop[0], client, booked, chance.choice(("Y", "Y", "Y", "Y", "N", None))))
    return rows


def garden_centre_rows(seed: int) -> Iterator[tuple[str, Rows]]:
    """Each table's name and rows, referenced tables first."""
    chance = random.Random(seed)
    articles = article_rows(chance)
    clients = client_rows(chance, 170)
    sales = sale_rows(chance, 760, clients)
    lines = line_rows(chance, sales)
    yield "branch", BRANCHES
    yield "staff_member", [(key, *row) for key, row in enumerate(STAFF, start=1)]
    yield "product_group", GROUPS
    yield "grower", GROWERS
    yield "article", articles
    yield "client", clients
    yield "sale", sales
    yield "sale_line", lines
    yield "delivery", delivery_rows(chance, sales)
    yield "return_slip", return_rows(chance, sales, lines)
    yield "branch_stock", stock_rows(chance)
    yield "grower_order", grower_order_rows(chance, 170, articles)
    yield "workshop", WORKSHOPS
    yield "workshop_booking", booking_rows(chance, clients)
