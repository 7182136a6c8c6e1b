"""Tables, JSON documents and logs of invented businesses, written by a seed, with questions about them."""

from __future__ import annotations

import json
from datetime import date, timedelta

from benchmarks.data.field_text.sources import Rows

NAMES = (
    "Adaeze Obi", "Bram de Wit", "Carla Nunes", "Dov Peretz", "Elif Kaya", "Farid Haddad",  # codespell:ignore
    "Greta Lund", "Hugo Paredes", "Ines Moreau", "Jonas Weber", "Katya Orlova", "Liam Walsh", "Mei Tanaka",
    "Nadia Rahman", "Oskar Novak", "Priya Nair", "Quentin Roy", "Rosa Bianchi", "Sven Holm", "Tariq Aziz", "Uma Iyer",
    "Viktor Petrov", "Wanda Zielinska", "Yusuf Demir",
)  # fmt: skip
CITIES = ("Porto", "Lyon", "Graz", "Leeds", "Tampere", "Brno", "Bergen", "Split", "Malmo", "Turin", "Ghent", "Cork")
TEAMS = ("IT", "Sales", "Human Resources", "Legal", "Warehouse", "Accounting")


def person_table(random):
    """Employees: equality, superlatives, dates."""
    header = "id,name,department,city,start date,salary"
    rows = [
        [
            f"E{number:03}",
            name,
            random.choice(TEAMS),
            random.choice(CITIES),
            _day(random),
            str(random.randrange(31, 96) * 1000),
        ]
        for number, name in enumerate(random.sample(NAMES, 24), start=101)
    ]
    yield header, rows
    for team in random.sample(TEAMS, 3):
        yield f"Who works in {_say_team(team)}?", [row for row in rows if row[2] == team]
    one, other = random.sample(rows, 2)
    yield f"how much does {one[1]} earn", [one]
    yield f"Which city is {other[1].split()[1]} based in?", [other]
    yield random.choice(("Who earns the most?", "best paid person")), [max(rows, key=lambda row: int(row[5]))]
    yield (
        random.choice(("who has the lowest salary", "Who is paid the least?")),
        [min(rows, key=lambda row: int(row[5]))],
    )
    yield (
        random.choice(("Who joined the company first?", "longest serving employee")),
        [min(rows, key=lambda row: row[4])],
    )
    year = random.choice(rows)[4][:4]
    yield f"people who started in {year}", [row for row in rows if row[4].startswith(year)]


def stock_table(random):
    """Articles of a shop: numbers and codes."""
    header = "sku,article,category,price,in stock,supplier"
    goods = (
        "cordless drill", "claw hammer", "tape measure", "spirit level", "wood glue", "paint roller",
        "masking tape", "hacksaw", "socket set", "wire cutter", "step ladder", "work gloves", "dust mask",
        "extension cord", "angle grinder", "bench vise", "chisel set", "hand plane",  # codespell:ignore
        "rubber mallet", "utility knife",
    )  # fmt: skip
    kinds = ("power tools", "hand tools", "painting", "safety")
    prices = random.sample(range(199, 19999), len(goods))
    rows = [
        [f"H-{random.randrange(1000, 9999)}", article, random.choice(kinds), f"{price / 100:.2f}",
         str(random.randrange(0, 400)), random.choice(("Nordwerk", "Bauhoff", "Tooltec", "Ferrum"))]
        for article, price in zip(goods, prices, strict=True)
    ]  # fmt: skip
    yield header, rows
    one, other, third = random.sample(rows, 3)
    yield f"what does the {one[1]} cost?", [one]
    yield f"which product has the code {other[0]}", [other]
    yield f"how many {third[1]} units are left", [third]
    yield "What is the most expensive article?", [max(rows, key=lambda row: float(row[3]))]
    yield "cheapest item", [min(rows, key=lambda row: float(row[3]))]
    limit = 150
    rich = [row for row in rows if float(row[3]) > limit]
    if 0 < len(rich) < 8:
        yield f"articles over {limit} euros", rich
    empty = sorted(rows, key=lambda row: int(row[4]))[:1]
    yield "which item is closest to being sold out?", empty


def sensor_table(random):
    """Daily measurements: dates and extremes; many rows of numbers."""
    header = "date,station,temperature max,temperature min,rain mm,wind km/h"
    start = date(2021, random.randrange(1, 9), 1)
    highs = random.sample(range(-50, 350), 120)
    rows = [
        [str(start + timedelta(days=place)), random.choice(("harbour", "airport", "hilltop")), f"{high / 10}",
         f"{(high - random.randrange(30, 120)) / 10}", f"{random.choice((0, 0, 0, random.randrange(1, 300))) / 10}",
         f"{wind}"]
        for place, (high, wind) in enumerate(zip(highs, random.sample(range(5, 140), 120), strict=True))
    ]  # fmt: skip
    yield header, rows
    one, other = random.sample(rows, 2)
    day = date.fromisoformat(one[0])
    yield f"How warm did it get on {day:%d %B %Y}?", [one]
    yield f"wind speed {other[0]}", [other]
    yield "the hottest day", [max(rows, key=lambda row: float(row[2]))]
    yield "On which day was it coldest?", [min(rows, key=lambda row: float(row[3]))]
    yield "when did the wind blow the strongest", [max(rows, key=lambda row: int(row[5]))]
    fast = [row for row in rows if int(row[5]) > 134]
    if fast:
        yield "days with wind above 134 km/h", fast


def flight_table(random):
    """Departures of one day: places, times, numbers."""
    header = "flight;from;to;departs;arrives;aircraft;seats sold"
    rows = []
    for number in random.sample(range(100, 999), 40):
        start, length = random.randrange(300, 1200), random.randrange(45, 230)
        one, other = random.sample(CITIES, 2)
        rows.append([f"NW{number}", one, other, _clock(start), _clock(start + length),
                     random.choice(("A320", "E190", "ATR 72")), str(random.randrange(30, 180))])  # fmt: skip
    yield header, rows
    one, other, third = random.sample(rows, 3)
    yield f"When does {one[0]} land?", [one]
    yield f"what plane is used on flight {other[0]}", [other]
    yield f"connections from {third[1]} to {third[2]}", [row for row in rows if row[1:3] == third[1:3]]
    yield "the earliest departure", [min(rows, key=lambda row: row[3])]
    yield "Which flight carries the most passengers?", [max(rows, key=lambda row: int(row[6]))]
    late = [row for row in rows if row[3] >= "18:30"]
    if late:
        yield "flights that leave after half past six in the evening", late
    yield f"departures to {one[2]}", [row for row in rows if row[2] == one[2]]


TABLES = {"dev": (person_table, sensor_table), "test": (stock_table, flight_table)}
"""Kinds of table by part: those of "test" have columns that no one tuned on."""


def add_tables(rows: Rows, part: str, count: int, random) -> None:
    """CSV files, each an own product; evidence is whole rows, without the header."""
    makers = TABLES[part]
    for number in range(count):
        made = makers[number % len(makers)](random)
        header, table = next(made)
        mark = ";" if ";" in header else ","
        lines = [mark.join(row) for row in table]
        file = rows.add_document(f"{part}-{number}.csv", "\n".join([header, *lines]) + "\n", "written by a seed")
        for question, found in made:
            if 0 < len(found) <= 6:
                rows.add(file, "csv", "csv", f"table {part} {number}", question, [mark.join(row) for row in found])


def add_json(rows: Rows, part: str, count: int, random) -> None:
    """JSON documents, indented or compact: a member is asked for by its neighbours, evidence are its lines."""
    for number in range(count):
        indent = (2, None, 1, 4)[number % 4]
        document, asked = (_services if part == "dev" else _library)(random)
        text = json.dumps(document, indent=indent, ensure_ascii=False)
        file = rows.add_document(f"{part}-{number}.json", text + "\n", "written by a seed")
        for question, members in asked:
            strings = [json.dumps({key: value})[1:-1] for key, value in members]
            rows.add(file, "json", "json", f"json {part} {number}", question, strings)


SERVICES = (
    "billing", "catalogue", "search", "mailer", "thumbnails", "gateway", "reports", "accounts", "geo", "invoices",
    "webhooks", "sessions",
)  # fmt: skip


def _services(random):
    names = random.sample(SERVICES, 9)
    document: dict = {"version": 3, "region": random.choice(CITIES), "services": {}}
    asked = []
    for port, name in zip(random.sample(range(7000, 9900), 9), names, strict=True):
        memory, retries = f"{random.randrange(128, 4096)}Mi", random.randrange(1, 40)
        document["services"][name] = {
            "image": f"images.example/{name}:{random.randrange(1, 9)}.{random.randrange(0, 30)}",
            "port": port,
            "resources": {"memory": memory, "cpu": f"{random.randrange(100, 2000)}m"},
            "retry": {"attempts": retries, "backoffSeconds": random.randrange(1, 90)},
            "owner": random.choice(NAMES),
        }
    for name in random.sample(names, 3):
        service = document["services"][name]
        asked += [
            (f"on which port does {name} listen", [("port", service["port"])]),
            (random.choice((f"who is responsible for {name}?", f"{name} owner")), [("owner", service["owner"])]),
            (f"How much RAM may the {name} service use?", [("memory", service["resources"]["memory"])]),
        ]
    return document, asked


def _library(random):
    titles = (
        "Salt Roads", "The Quiet Engine", "Letters from Brno", "A Field of Glass", "Winter Arithmetic",
        "The Ninth Ferry", "Paper Lanterns", "Maps for Sleepers", "An Orchard Upstairs", "The Copper Year",
        "Night Gardeners", "Low Tide",
    )  # fmt: skip
    books = [
        {"title": title, "author": random.choice(NAMES), "isbn": f"978-{random.randrange(10**9, 10**10)}",
         "published": random.randrange(1931, 2020), "shelf": f"{random.choice('ABCDEFGH')}{random.randrange(1, 60)}",
         "loan": {"borrower": random.choice(NAMES), "due": _day(random)}}
        for title in titles
    ]  # fmt: skip
    asked = []
    for book in random.sample(books, 4):
        asked.append((f"where do I find {book['title']}", [("shelf", book["shelf"])]))
        asked.append((f"When must {book['title']} be brought back?", [("due", book["loan"]["due"])]))
    book = random.choice(books)
    asked.append((f"which book has the number {book['isbn']}", [("title", book["title"]), ("isbn", book["isbn"])]))
    return {"library": "Town library", "books": books}, asked


_EVENTS = {
    "dev": (
        ("ERROR", "storage", "disk {} is {} percent full, refusing new uploads", "why were uploads turned down?"),
        ("WARN", "auth", "account {} locked after {} wrong passwords", "which user was locked out"),
        ("ERROR", "db", "deadlock between transactions {} and {}, the later one was rolled back",
         "two transactions blocking each other"),
        ("WARN", "net", "upstream {} answered after {} ms, over the limit", "which upstream was too slow?"),
        ("ERROR", "mail", "message {} bounced: mailbox over quota ({} MB)", "undelivered e-mail because it was full"),
        ("INFO", "deploy", "release {} went live on {} nodes", "when was a new version rolled out"),
        ("WARN", "tls", "certificate of {} expires in {} days", "which cert is about to run out?"),
    ),
    "test": (
        ("ERROR", "worker", "job {} gave up after {} attempts", "what job was abandoned"),
        ("INFO", "backup", "snapshot {} finished, {} GB written", "how large was the backup?"),
        ("WARN", "queue", "consumer {} lags {} messages behind", "who cannot keep up with the queue"),
        ("ERROR", "print", "paper jam in tray {} of printer {}", "Why did the printer stop?"),
        ("WARN", "clock", "time source {} off by {} ms, stepping the clock", "was the system time corrected"),
        ("ERROR", "config", "unknown key {} in line {}, keeping the old settings", "typo in the configuration file"),
        ("INFO", "license", "seat {} released by idle timeout after {} minutes", "license given back automatically"),
    ),
}  # fmt: skip
_NOISE = (
    ("INFO", "http", "GET /items/{} 200 in {} ms"), ("DEBUG", "cache", "hit for key item:{} age {}s"),
    ("INFO", "session", "session {} renewed for {} minutes"), ("DEBUG", "pool", "connection {} returned, {} idle"),
    ("INFO", "cron", "task {} done in {} ms"),
)  # fmt: skip


def add_logs(rows: Rows, part: str, count: int, random) -> None:
    """Logs: most lines say nothing, and each event that is asked for comes once."""
    for number in range(count):
        chosen, lines = random.sample(_EVENTS[part], 7), []
        places = sorted(random.sample(range(20, 380), len(chosen)))
        clock = 36_000
        asked = []
        for place in range(400):
            clock += random.randrange(1, 9)
            event = place in places
            level, room, form, *rest = chosen[places.index(place)] if event else random.choice(_NOISE)
            words = form.format(
                random.choice(("n7", "k42", "zeta", "alfa-3", "x19", "omega", "r2", "u-881")), random.randrange(2, 990)
            )
            stamp = f"2025-02-{number % 27 + 1:02} {clock // 3600:02}:{clock // 60 % 60:02}:{clock % 60:02}"
            lines.append(
                f"{stamp} {level:5} [{room}] {words}"
                if number % 2
                else f"{stamp},{place % 1000:03} {room} {level}: {words}"
            )
            if event:
                asked.append((rest[0], lines[-1]))
        file = rows.add_document(f"{part}-{number}.log", "\n".join(lines) + "\n", "written by a seed")
        for question, line in asked:
            rows.add(file, "log", "log", f"log {part} {number}", question, [line])


def _day(random) -> str:
    return str(date(2009, 1, 1) + timedelta(days=random.randrange(0, 5400)))


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _say_team(team: str) -> str:
    return {"Human Resources": "HR", "Accounting": "the accounting team", "Warehouse": "the warehouse"}.get(team, team)
