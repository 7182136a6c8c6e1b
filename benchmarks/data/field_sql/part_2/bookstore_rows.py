"""The rows of the bookshop: the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from benchmarks.data.field_sql.draws import Rows, day, moment, seconds

__all__ = ["bookstore_rows"]

FIRST = [
    "Aoife", "Callum", "Daphne", "Elliot", "Freya", "Gareth", "Harriet", "Imogen", "Jasper", "Keira", "Lachlan",
    "Maeve", "Nadia", "Owen", "Poppy", "Rhys", "Saoirse", "Tobias", "Una", "Wesley",
]  # fmt: skip
SURNAMES = [
    "Abernathy", "Blackwood", "Carmody", "Dunleavy", "Eastwood", "Farrell", "Gallagher", "Hartley", "Ives",
    "Jennings", "Kavanagh", "Lockwood", "Merton", "Nolan", "Ogden", "Prescott", "Quigley", "Redmond",
    "Sinclair", "Thornton",
]  # fmt: skip
TOWNS = {
    "GB": ("Leeds", "Bristol", "Glasgow", "Norwich"),
    "IE": ("Galway", "Cork"),
    "DE": ("Bremen", "Kassel"),
    "FR": ("Rennes", "Dijon"),
    "ES": ("Bilbao",),
    "US": ("Portland", "Austin"),
}
GENRES: Rows = [
    ("FIC", "Fiction", None), ("NON", "Non-fiction", None), ("KID", "Children", None),
    ("CRI", "Crime", "FIC"), ("SCF", "Science Fiction", "FIC"), ("HIF", "Historical Novel", "FIC"),
    ("POE", "Poetry", "FIC"), ("BIO", "Biography", "NON"), ("CKY", "Cookery", "NON"), ("TRA", "Travel", "NON"),
    ("HIS", "History", "NON"), ("PIC", "Picture Book", "KID"), ("YAD", "Young Adult", "KID"),
]  # fmt: skip
PUBLISHERS: Rows = [
    (1, "Harbour Lane Press", "United Kingdom", 1974, 0), (2, "Nightjar Books", "Ireland", 2009, 1),
    (3, "Verlag Am Deich", "Germany", 1951, 0), (4, "Editions du Phare", "France", 1988, 0),
    (5, "Copper Kettle", "United Kingdom", 2014, 1), (6, "Meridian House", "United States", 1936, 0),
    (7, "Faro Ediciones", "Spain", 1999, 1), (8, "Old Quay Publishing", "Ireland", 1962, 0),
    (9, "Paper Boat", "United Kingdom", 2020, 1),
]  # fmt: skip
# name, nationality, born, died
AUTHORS = (
    ("Moira Penrose", "Scottish", 1958, None), ("Callista Wynn", "British", 1981, None),
    ("Ruairi Shaughnessy", "Irish", 1947, 2019), ("Edmund Falconer", "British", 1912, 1988),
    ("Ilse Brandt", "German", 1969, None), ("Jean-Luc Marchetti", "French", 1953, 2021),
    ("Paloma Iriarte", "Spanish", 1986, None), ("Theodora Hale", "American", 1930, 2008),
    ("Desmond Achebe-Ross", "British", 1974, None), ("Orla Devane", "Irish", 1990, None),
    ("Hugo Lindqvist", "Swedish", 1965, None), ("Beatrix Colborne", "British", 1899, 1971),
    ("Walter Pruitt", "American", 1944, None), ("Sunniva Aasen", "Norwegian", 1978, None),
    ("Konrad Ziegler", "German", 1940, 2015), ("Amelie Roussel", "French", None, None),
    ("Tamsin Greville", "British", 1995, None), ("Joaquin Belmonte", "Spanish", 1971, None),
    ("Rosalind Okafor", "American", 1983, None), ("Fergus Dow", "Scottish", None, None),
    ("Nell Vance", "American", 1988, None), ("Magnus Thorsen", "Norwegian", 1951, 2023),
)  # fmt: skip
# title, genre, author's number, series
BOOKS = (
    ("The Lamplighter's Ledger", "CRI", 1, "Inspector Rook"), ("A Debt of Ravens", "CRI", 1, "Inspector Rook"),
    ("The Drowned Parish", "CRI", 1, "Inspector Rook"), ("Salt and Signal", "SCF", 2, "Tidefall"),
    ("The Quiet Orbit", "SCF", 2, "Tidefall"), ("Glass Harvest", "SCF", 2, None),
    ("Bog Cotton", "POE", 3, None), ("The Turf Cutters", "HIF", 3, None),
    ("Letters from the Isthmus", "TRA", 4, None), ("A Winter in Tangier", "TRA", 4, None),
    ("Brot und Salz", "CKY", 5, None), ("Die stille Werft", "CRI", 5, None),
    ("Le Dernier Bac", "HIF", 6, None), ("Cuisine de Marée", "CKY", 6, None),
    ("La Casa del Viento", "FIC", 7, None), ("Cuentos para Lucía", "PIC", 7, None),
    ("Prairie Hours", "FIC", 8, None), ("My Mother's Orchard", "BIO", 8, None),
    ("Empire of Ropes", "HIS", 9, None), ("The Spice Ledger", "HIS", 9, None),
    ("Sixteen Bridges", "YAD", 10, "Riverside"), ("Seventeen Doors", "YAD", 10, "Riverside"),
    ("The Snow Cartographer", "TRA", 11, None), ("Hedgehog at the Harbour", "PIC", 12, "Hedgehog"),
    ("Hedgehog Goes North", "PIC", 12, "Hedgehog"), ("Hedgehog and the Moon", "PIC", 12, "Hedgehog"),
    ("Rail Fever", "HIS", 13, None), ("Night Freight", "CRI", 13, None),
    ("Fjord Kitchen", "CKY", 14, None), ("The Last Herring", "HIS", 14, None),
    ("Das Haus am Priel", "FIC", 15, None), ("Ein Jahr im Watt", "TRA", 15, None),
    ("Rue des Lilas", "FIC", 16, None), ("Paper Crowns", "YAD", 17, None),
    ("The Girl Who Kept Bees", "YAD", 17, None), ("Pan y Ceniza", "CKY", 18, None),
    ("A Life in Brass", "BIO", 19, None), ("Voices of the Delta", "BIO", 19, None),
    ("Peat Smoke", "POE", 20, None), ("Machine Psalms", "SCF", 21, None),
    ("The Copper Moon", "SCF", 21, None), ("Codfish and Kings", "HIS", 22, None),
    ("Twelve Poems for Rain", "POE", 3, None), ("The Atlas of Small Rooms", None, 2, None),
)  # fmt: skip
# name, position, team, start, end, pay, boss
STAFF = (
    ("Philippa Strand", "Managing Director", "Management", "2012-03-01", None, 98000, None),
    ("Oscar Bellamy", "Head of Sales", "Sales", "2013-06-17", None, 71000, 1),
    ("Greta Loftus", "Head of Warehouse", "Warehouse", "2015-02-02", None, 58500, 1),
    ("Samir Haddad", "Head of Purchasing", "Purchasing", "2014-09-08", None, 66000, 1),
    ("Dilys Pugh", "Sales Clerk", "Sales", "2018-04-03", None, 33800, 2),
    ("Marcus Toft", "Sales Clerk", "Sales", "2020-10-12", "2022-12-31", 31200, 2),
    ("Nuala Breen", "Senior Sales Clerk", "Sales", "2016-01-11", None, 41900, 2),
    ("Piotr Zielinski", "Sales Clerk", "Sales", "2021-05-04", None, 32500, 7),
    ("Hazel Quist", "Picker", "Warehouse", "2019-08-19", None, 27400, 3),
    ("Ibrahim Sesay", "Picker", "Warehouse", "2022-03-07", None, 26800, 3),
    ("Lowri Bevan", "Packer", "Warehouse", "2017-11-27", "2023-06-30", 28100, 3),
    ("Donal Keane", "Packer", "Warehouse", "2023-01-16", None, 26200, 3),
    ("Anneke Visser", "Buyer", "Purchasing", "2018-07-09", None, 46300, 4),
    ("Callum Reith", "Buyer", "Purchasing", "2021-02-15", "2024-03-31", 43100, 4),
    ("Yasmin Farouk", "Accountant", "Finance", "2016-05-23", None, 54800, 1),
    ("Bertie Walsh", "Finance Assistant", "Finance", "2022-09-05", None, 34700, 15),
)
VOUCHERS: Rows = [
    ("HELLO5", 5, "2021-01-01", None, None), ("BOOKDAY15", 15, "2022-04-20", "2022-04-30", 20.0),
    ("XMAS20", 20, "2022-12-01", "2022-12-24", 40.0), ("READMORE10", 10, "2023-02-01", "2023-10-31", 30.0),
    ("TEACHER25", 25, "2021-09-01", None, 50.0), ("BACK2SCHOOL", 12, "2023-08-15", "2023-09-15", None),
]  # fmt: skip
REMARKS = (
    "Could not put it down", "Dull in the middle", "Lovely pictures", "Pages came loose",
    "A gift that was well received", "Not as good as the first one", "Print is too small",
)  # fmt: skip
CAUSES = ("torn pages", "wrong book", "late delivery", "not wanted", "misprint")
START, END = date(2021, 2, 1), date(2024, 5, 31)


def book_rows(chance: random.Random) -> Rows:
    """Two books have no page count and some no date: the publisher never sent them."""
    languages = {3: "de", 4: "fr", 7: "es"}
    rows: Rows = []
    for key, (title, genre, author, series) in enumerate(BOOKS, start=1):
        publisher = {5: 3, 15: 3, 6: 4, 16: 4, 7: 7, 18: 7}.get(author) or chance.choice((1, 1, 2, 5, 6, 8))
        issued = None if key in {10, 33} else day(chance, date(2003, 1, 1), date(2024, 2, 28)).isoformat()
        binding = chance.choice(("hardcover", "paperback", "paperback", "ebook"))
        pages = None if binding == "ebook" and chance.random() < 0.5 else chance.randrange(140, 620)
        if genre == "PIC":
            pages = chance.randrange(24, 48)
        price = round({"hardcover": 21.5, "paperback": 10.5, "ebook": 6.5}[binding] + chance.randrange(0, 900) / 100, 2)
        bought = round(price * chance.uniform(0.42, 0.71), 2)
        isbn = f"978{chance.randrange(10**9, 10**10)}"
        gone, language = int(chance.random() < 0.15), languages.get(publisher, "en")
        rows.append((key, isbn, title, genre, publisher, issued, pages, language, binding, price, bought, gone, series))
    return rows


def contribution_rows(chance: random.Random) -> Rows:
    """Author 17 also illustrates, 10 and 13 edit, 5 translates."""
    rows: Rows = [(key, book[2], "author") for key, book in enumerate(BOOKS, start=1)]
    for key, (_, genre, author, _) in enumerate(BOOKS, start=1):
        if genre == "PIC" and author != 17:
            rows.append((key, 17, "illustrator"))
        elif author not in {5, 10, 13} and chance.random() < 0.4:
            helper, what = chance.choice(((5, "translator"), (10, "editor"), (13, "editor"), (5, "translator")))
            rows.append((key, helper, what))
    return rows


def customer_rows(chance: random.Random, count: int) -> Rows:
    """Names are unique, so that a name stands for one customer."""
    names = chance.sample([(first, last) for first in FIRST for last in SURNAMES], count)
    rows: Rows = []
    for key, (first, last) in enumerate(names, start=1):
        email = None if chance.random() < 0.06 else f"{first[0]}.{last}@example.net".lower()
        country = chance.choices(list(TOWNS), (10, 4, 3, 2, 1, 3))[0]
        town = None if chance.random() < 0.05 else chance.choice(TOWNS[country])
        birth = day(chance, date(1938, 1, 1), date(2006, 12, 31)).strftime("%d/%m/%Y")
        joined = str(moment(chance, day(chance, date(2019, 6, 1), date(2024, 4, 30)), hours=(6, 23)))
        friend = chance.randrange(1, key) if key > 8 and chance.random() < 0.18 else None
        born = None if chance.random() < 0.15 else birth
        letter, blocked = chance.choice("YN"), int(chance.random() < 0.06)
        rows.append((key, first, last, email, town, country, born, joined, letter, blocked, friend))
    return rows


def order_rows(chance: random.Random, count: int, customers: Rows) -> Rows:
    """A customer orders after registering; a fifth of them never does."""
    rows: Rows = []
    while len(rows) < count:
        customer = customers[int(len(customers) * chance.random() ** 1.4)]
        at = moment(chance, day(chance, START, END), hours=(6, 24), to_the_second=True)
        if int(str(customer[0])) % 5 == 0 or str(at) < str(customer[7]):
            continue
        state = chance.choices(("complete", "sent", "cancelled"), (14, 1, 2))[0]
        if at > datetime(2024, 5, 20):
            state = chance.choice(("open", "open", "packed", "sent"))
        way = chance.choice(("card", "card", "card", "paypal", "paypal", "invoice", "giftcard"))
        voucher = valid_voucher(chance, at.date().isoformat()) if chance.random() < 0.3 else None
        clerk = chance.choice((5, 5, 7, 8, 2)) if chance.random() < 0.6 else None
        if clerk is not None and STAFF[clerk - 1][3] > at.date().isoformat():
            clerk = None
        postage = chance.choice((0.0, 2.95, 2.95, 4.5, 7.9))
        rows.append((0, customer[0], str(at), state, way, voucher, clerk, postage, int(chance.random() < 0.17)))
    return [(key, *row[1:]) for key, row in enumerate(sorted(rows, key=lambda row: str(row[2])), start=5001)]


def valid_voucher(chance: random.Random, at: str) -> object:
    return chance.choice([row[0] for row in VOUCHERS if str(row[2]) <= at <= str(row[3] or "9999")] or [None])


def line_rows(chance: random.Random, orders: Rows, books: Rows) -> Rows:
    """The last three books were never sold."""
    rows: Rows = []
    for order in orders:
        picks = chance.sample(books[:-3], chance.choice((1, 1, 2, 2, 3, 4)))
        for number, book in enumerate(picks, start=1):
            price = round(float(str(book[9])) * chance.choice((1, 1, 1, 0.9, 0.8)), 2)
            rows.append((order[0], number, book[0], chance.choice((1, 1, 1, 1, 2, 3, 5)), price))
    return rows


def parcel_rows(chance: random.Random, orders: Rows) -> Rows:
    rows: Rows = []
    for order in orders:
        if order[3] not in {"sent", "complete"}:
            continue
        left = datetime.fromisoformat(str(order[2])) + timedelta(hours=chance.randrange(5, 90))
        lost = order[3] == "sent" or chance.random() < 0.02
        arrived = None if lost else seconds(left + timedelta(hours=chance.randrange(18, 240)))
        courier = chance.choice(("SwiftPost", "SwiftPost", "Kestrel", "BlueVan"))
        weight = None if chance.random() < 0.06 else chance.randrange(180, 4200)
        rows.append((len(rows) + 1, order[0], courier, seconds(left), arrived, weight))
    return rows


def refund_rows(chance: random.Random, orders: Rows, lines: Rows) -> Rows:
    dates = {order[0]: date.fromisoformat(str(order[2])[:10]) for order in orders if order[3] == "complete"}
    rows: Rows = []
    for order, _, book, quantity, price in lines:
        if order not in dates or chance.random() > 0.07:
            continue
        at = (dates[order] + timedelta(days=chance.randrange(4, 40))).strftime("%d/%m/%Y")
        amount = round(float(str(price)) * float(str(quantity)) * chance.choice((1, 1, 0.5)), 2)
        cause = None if chance.random() < 0.1 else chance.choice(CAUSES)
        rows.append((len(rows) + 1, order, book, at, amount, cause, chance.choice(("Y", "Y", "Y", "N", None))))
    return rows


def rating_rows(chance: random.Random, count: int, customers: int) -> Rows:
    rows: Rows = []
    for key in range(1, count + 1):
        book = 1 + int((len(BOOKS) - 5) * chance.random() ** 1.2)
        stars = chance.choices((1, 2, 3, 4, 5), (1, 1 + book % 3, 3, 5 - book % 4, 4))[0]
        remark = None if chance.random() < 0.4 else chance.choice(REMARKS)
        at = day(chance, START, END).isoformat()
        rows.append((key, book, chance.randrange(1, customers + 1), stars, remark, at))
    return rows


def stock_rows(chance: random.Random, books: Rows) -> Rows:
    rows: Rows = []
    for book in books:
        if book[8] == "ebook":
            continue
        shelf = f"{chance.choice('ABCD')}-{chance.randrange(1, 20):02d}"
        counted = None if chance.random() < 0.1 else day(chance, date(2023, 9, 1), END).isoformat()
        rows.append((book[0], shelf, chance.choice((0, 2, 5, 9, 14, 30, 55)), chance.choice((3, 5, 10)), counted))
    return rows


def purchase_rows(chance: random.Random, count: int, books: Rows) -> Rows:
    rows: Rows = []
    for key in range(1, count + 1):
        book = chance.choice(books[:-1])
        placed = day(chance, START, END)
        due = placed + timedelta(days=chance.randrange(10, 35))
        came = due + timedelta(days=chance.randrange(-6, 15))
        delivered = None if came > END else came.isoformat()
        copies, cost = (
            chance.choice((5, 10, 20, 40, 60, 100)),
            round(float(str(book[10])) * chance.uniform(0.9, 1.1), 2),
        )
        rows.append((key, book[4], book[0], placed.isoformat(), due.isoformat(), delivered, copies, cost))
    return rows


def bookstore_rows(seed: int) -> Iterator[tuple[str, Rows]]:
    """Each table's name and rows, referenced tables first."""
    chance = random.Random(seed)
    books = book_rows(chance)
    customers = customer_rows(chance, 160)
    orders = order_rows(chance, 620, customers)
    lines = line_rows(chance, orders, books)
    yield "Genre", GENRES
    yield "Publisher", PUBLISHERS
    yield "Author", [(key, *row) for key, row in enumerate(AUTHORS, start=1)]
    yield "Book", books
    yield "BookAuthor", contribution_rows(chance)
    yield "Customer", customers
    yield "Staff", [(key, *row) for key, row in enumerate(STAFF, start=1)]
    yield "Voucher", VOUCHERS
    yield "SalesOrder", orders
    yield "OrderLine", lines
    yield "Parcel", parcel_rows(chance, orders)
    yield "Refund", refund_rows(chance, orders, lines)
    yield "Rating", rating_rows(chance, 420, len(customers))
    yield "StockLevel", stock_rows(chance, books)
    yield "PurchaseOrder", purchase_rows(chance, 150, books)
