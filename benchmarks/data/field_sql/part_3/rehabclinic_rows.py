"""The rows of the clinic for rehabilitation: the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from benchmarks.data.field_sql.draws import Rows, day, moment, seconds

__all__ = ["rehabclinic_rows"]

GIVEN = {
    "F": [
        "Amalia", "Berit", "Celeste", "Davina", "Elspeth", "Fiona", "Gwendolyn", "Henrike", "Ilona", "Josephine",
        "Karolina", "Linnea", "Mathilda", "Noreen",
    ],
    "M": [
        "Anton", "Bernard", "Casimir", "Dorian", "Edwin", "Ferdinand", "Gustav", "Hendrik", "Isidor", "Julius",
        "Konrad", "Lorenz", "Matthew", "Nicolas",
    ],
}  # fmt: skip
FAMILY = [
    "Adler", "Bergstrom", "Corbett", "Dahl", "Everett", "Forsberg", "Grant", "Holm", "Iversen", "Jessop",
    "Kramer", "Lund", "Madsen", "Norris", "Olsen", "Palmer", "Quinlan", "Rask", "Sandberg", "Tate",
]  # fmt: skip
TOWNS = ("Ashford", "Brookhaven", "Fairmont", "Kingsbridge", "Westport")
HOSPITALS = ("St Mary's Hospital", "University Hospital", "Lakeview Hospital", "County General")
AIDS = ("wheelchair", "walker", "walker", "crutches", "cane")
INSURERS: Rows = [
    (1, "Federal Health", "public", 42), (2, "Unity Care", "public", 35), (3, "Premier Shield", "private", None),
    (4, "Miners' Fund", "public", 28), (5, "Aurora Life", "private", 60), (6, "Silver Oak", "private", 50),
]  # fmt: skip
UNITS: Rows = [
    (1, "Neurology", 2, 32, 0), (2, "Orthopedics", 1, 40, 0), (3, "Cardiac Rehab", 3, 26, 0),
    (4, "Geriatrics", 1, 22, 0), (5, "Brain Injury", 2, 14, 1), (6, "Pulmonary Rehab", 3, 18, 0),
    (7, "Day Clinic", 0, 12, 0),
]  # fmt: skip
# name, job, unit, hired, left, salary, part time, supervisor
STAFF = (
    ("Ingrid Solberg", "physician", 1, "2004-10-01", None, 11800, "N", None),
    ("Marcus Whitfield", "physician", 2, "2010-03-15", None, 10400, "N", 1),
    ("Pilar Esteban", "physician", 3, "2013-06-03", None, 9900, "N", 1),
    ("Tobias Renner", "physician", 4, "2017-01-09", None, 9100, "Y", 1),
    ("Yvonne Lacroix", "physician", 5, "2008-11-17", None, 10900, "N", 1),
    ("Samuel Okoye", "physician", 6, "2020-04-20", None, 8600, "N", 3),
    ("Birgit Falk", "physician", 2, "2021-09-13", "2023-12-31", 8300, "Y", 2),
    ("Andrea Voss", "physiotherapist", 1, "2009-05-11", None, 4900, "N", 1),
    ("Bruno Calder", "physiotherapist", 2, "2014-08-04", None, 4500, "N", 8),
    ("Cecilia Ramos", "physiotherapist", 2, "2019-02-18", None, 4150, "Y", 8),
    ("Dennis Hartmann", "physiotherapist", 3, "2022-03-07", None, 3800, "N", 8),
    ("Eliza Thorne", "physiotherapist", 6, "2016-10-24", "2022-09-30", 4300, "N", 8),
    ("Felix Brandt", "occupational therapist", 1, "2012-04-16", None, 4600, "N", 1),
    ("Gemma Ortiz", "occupational therapist", 5, "2018-07-02", None, 4200, "Y", 13),
    ("Harald Nyberg", "occupational therapist", 4, "2023-01-16", None, 3700, "N", 13),
    ("Irma Kessler", "speech therapist", 1, "2011-09-05", None, 4700, "N", 1),
    ("Jacob Lindgren", "speech therapist", 5, "2021-05-17", None, 4000, "Y", 16),
    ("Katrin Moreau", "psychologist", None, "2015-12-07", None, 5600, "N", 1),
    ("Leon Sattler", "psychologist", None, "2022-10-10", None, 5100, "Y", 18),
    ("Monica Ferris", "head nurse", 2, "2006-02-20", None, 5200, "N", 2),
    ("Nathan Pryce", "nurse", 2, "2017-06-12", None, 3900, "N", 20),
    ("Olivia Stern", "nurse", 1, "2020-08-31", None, 3650, "Y", 20),
    ("Philip Aberg", "nurse", 4, "2013-03-25", None, 4050, "N", 20),
    ("Ramona Jost", "nurse", 3, "2022-11-14", None, 3450, "N", 20),
    ("Sigrid Hansen", "nurse", 5, "2018-01-08", "2023-05-31", 3800, "Y", 20),
    ("Theo Marlow", "receptionist", None, "2019-11-04", None, 2900, "N", None),
    ("Ursula Wick", "receptionist", None, "2023-06-19", None, 2750, "Y", 26),
)
# code, name, units
ILLNESSES = (
    ("I63.9", "Ischemic stroke", (1,)), ("G20", "Parkinson's disease", (1, 4)), ("G35", "Multiple sclerosis", (1,)),
    ("S06.2", "Traumatic brain injury", (5,)), ("I61.9", "Brain hemorrhage", (1, 5)),
    ("S72.0", "Hip fracture", (2, 4)), ("Z96.6", "Hip replacement", (2,)), ("M17.1", "Knee osteoarthritis", (2,)),
    ("M54.5", "Back pain", (2,)), ("I21.9", "Heart attack", (3,)), ("I50.9", "Heart failure", (3, 4)),
    ("Z95.1", "Coronary bypass", (3,)), ("J44.9", "COPD", (6,)), ("J45.9", "Asthma", (6,)),
    ("F32.9", "Depression", (1, 2, 3, 5)), ("E11.9", "Diabetes", (2, 3, 4, 6)), ("I10", "Hypertension", (1, 3, 4)),
)  # fmt: skip
ACCOMPANYING = {"F32.9", "E11.9", "I10"}  # never the primary diagnosis
THERAPIES: Rows = [
    (1, "Gait training", "physio", 45, 48.00, 0), (2, "Strength training", "physio", 30, 24.00, 1),
    (3, "Aquatic therapy", "physio", 40, 55.00, 1), (4, "Manual therapy", "physio", 30, 42.00, 0),
    (5, "Breathing exercises", "physio", 25, 21.00, 1), (6, "Dressing practice", "occupational", 45, 44.00, 0),
    (7, "Hand therapy", "occupational", 30, 38.00, 0), (8, "Cooking group", "occupational", 90, 29.00, 1),
    (9, "Swallowing therapy", "speech", 30, 52.00, 0), (10, "Aphasia therapy", "speech", 45, 58.50, 0),
    (11, "Counselling", "psychology", 50, 72.00, 0), (12, "Relaxation group", "psychology", 60, 18.00, 1),
    (13, "Music therapy", "psychology", 45, 34.00, 1),
]  # fmt: skip
ABLE = {
    "physio": (8, 9, 9, 10, 11, 12), "occupational": (13, 14, 15), "speech": (16, 17), "psychology": (18, 19),
}  # fmt: skip
MEDICATIONS: Rows = [
    (1, "Aspirin", "blood thinner", 0.05, 6200, 2000, "N"), (2, "Apixaban", "blood thinner", 1.35, 420, 500, "N"),
    (3, "Baclofen", "muscle relaxant", 0.28, 900, 300, "N"), (4, "Levodopa", "antiparkinson", 0.62, 380, 400, "N"),
    (5, "Tramadol", "painkiller", 0.34, 750, 250, "Y"), (6, "Ibuprofen", "painkiller", 0.08, 4100, 1500, "N"),
    (7, "Oxycodone", "painkiller", 1.10, 160, 200, "Y"), (8, "Bisoprolol", "beta blocker", 0.15, 1800, 600, "N"),
    (9, "Ramipril", "ace inhibitor", 0.12, 2100, 700, "N"), (10, "Sertraline", "antidepressant", 0.25, 820, 300, "N"),
    (11, "Zopiclone", "sleeping pill", 0.31, 240, 100, "Y"), (12, "Metformin", "antidiabetic", 0.07, 2600, 800, "N"),
    (13, "Dantrolene", "muscle relaxant", 2.40, 60, 50, "N"),
]  # fmt: skip
DOCTORS = {1: (1,), 2: (2, 2, 7), 3: (3,), 4: (4,), 5: (5,), 6: (6,)}
START, END = date(2022, 1, 4), date(2024, 5, 31)


def is_employed(key: int, at: str) -> bool:
    return str(STAFF[key - 1][3]) <= at <= str(STAFF[key - 1][4] or "9999")


def patient_rows(chance: random.Random, count: int) -> Rows:
    """Names are unique, so that a name stands for one patient."""
    pool = [(sex, given, family) for sex, names in GIVEN.items() for given in names for family in FAMILY]
    rows: Rows = []
    for key, (sex, given, family) in enumerate(chance.sample(pool, count), start=1):
        birth = day(chance, date(1932, 1, 1), date(1999, 12, 31)).strftime("%d/%m/%Y")
        town = None if chance.random() < 0.05 else chance.choice(TOWNS)
        payer = None if chance.random() < 0.07 else chance.choice((1, 1, 1, 2, 2, 3, 4, 5))
        registered = day(chance, date(2019, 1, 1), date(2024, 4, 30)).isoformat()
        smoker = None if chance.random() < 0.2 else int(chance.random() < 0.3)
        aid = chance.choice(AIDS) if chance.random() < 0.55 else None
        rows.append((key, given, family, sex, birth, town, payer, registered, smoker, aid))
    return rows


def stay_rows(chance: random.Random, count: int, patients: Rows) -> Rows:
    """A seventh of the patients never stays, nobody twice at a time; some of the last weeks are still there."""
    guests = [row for row in patients if int(str(row[0])) % 7]
    ends: dict[object, list[tuple[date, date]]] = {}
    drafts: Rows = []
    while len(drafts) < count:
        patient = guests[int(len(guests) * chance.random() ** 1.2)]
        at = day(chance, START, END)
        unit = chance.choices((1, 2, 3, 4, 5, 6), (6, 8, 5, 3, 2, 3))[0]
        able = [key for key in DOCTORS[unit] if is_employed(key, at.isoformat())]
        planned = at + timedelta(days=chance.choice((14, 21, 21, 28)))
        left = planned + timedelta(days=chance.choice((-6, -2, 0, 0, 0, 3, 7, 11)))
        clash = any(at <= last and first <= left for first, last in ends.get(patient[0], ()))
        if str(patient[7]) > at.isoformat() or clash:
            continue
        ends.setdefault(patient[0], []).append((at, left))
        gone: tuple[str | None, str | None] = (None, None)
        if left <= END:
            gone = (left.isoformat(), chance.choice(("home", "home", "home", "home", "nursing home", "hospital")))
        sender = None if chance.random() < 0.1 else chance.choices(HOSPITALS, (5, 4, 2, 3))[0]
        drafts.append((patient[0], unit, chance.choice(able), at.isoformat(), planned.isoformat(), *gone, sender))
    latest: dict[object, int] = {}
    rows: Rows = []
    for key, row in enumerate(sorted(drafts, key=lambda row: str(row[3])), start=1001):
        rows.append((key, *row, latest.get(row[0]) if chance.random() < 0.6 else None))
        latest[row[0]] = key
    return rows


def diagnosis_rows(chance: random.Random, stays: Rows) -> Rows:
    rows: Rows = []
    for stay in stays:
        fitting = [one for one in ILLNESSES if stay[2] in one[2]]
        main = chance.choice([one for one in fitting if one[0] not in ACCOMPANYING])
        others = [one for one in fitting if one is not main]
        found = [main, *chance.sample(others, min(len(others), chance.choice((0, 0, 1, 1, 2))))]
        for place, (code, name, _) in enumerate(found):
            rows.append((stay[0], code, name, "N" if place else "Y"))
    return rows


def session_rows(chance: random.Random, stays: Rows) -> Rows:
    """Music therapy is never given; a twentieth of the sessions has no therapist noted."""
    disciplines = {1: (1, 4, 6, 7, 9, 10, 11), 2: (1, 2, 3, 4, 4), 3: (2, 5, 11, 12), 4: (1, 2, 6, 8), 6: (2, 5, 5, 12)}
    rows: Rows = []
    for stay in stays:
        first = date.fromisoformat(str(stay[4]))
        last = date.fromisoformat(str(stay[6])) if stay[6] else END
        for _ in range(chance.randrange(2, 8)):
            at = moment(chance, first + timedelta(days=chance.randrange((last - first).days + 1)), hours=(8, 17))
            therapy = THERAPIES[chance.choice(disciplines.get(int(str(stay[2])), (1, 6, 7, 9, 10, 11))) - 1]
            able = [key for key in ABLE[str(therapy[2])] if is_employed(key, at.date().isoformat())]
            status = chance.choices(("done", "missed", "cancelled"), (17, 2, 1))[0]
            minutes = int(int(str(therapy[3])) * chance.uniform(0.6, 1.3)) if status == "done" else None
            therapist = None if chance.random() < 0.05 else chance.choice(able)
            rows.append((stay[0], therapy[0], therapist, str(at), minutes, status))
    return [(key, *row) for key, row in enumerate(sorted(rows, key=lambda row: str(row[3])), start=1)]


def assessment_rows(chance: random.Random, stays: Rows) -> Rows:
    ranges = {"Barthel": (20, 101), "Berg": (10, 57), "Pain": (0, 11)}
    rows: Rows = []
    for stay in stays:
        for scale in chance.sample(sorted(ranges), chance.choice((1, 1, 2, 3))):
            at = moment(
                chance, date.fromisoformat(str(stay[4])) + timedelta(days=chance.randrange(0, 4)), hours=(8, 18)
            )
            able = [key for key in (8, 9, 10, 13, 21, 22, 23) if is_employed(key, at.date().isoformat())]
            score = None if chance.random() < 0.06 else chance.randrange(*ranges[scale])
            rows.append((len(rows) + 1, stay[0], chance.choice(able), scale, score, seconds(at)))
    return rows


def prescription_rows(chance: random.Random, stays: Rows) -> Rows:
    """Dantrolene is never prescribed."""
    rows: Rows = []
    for stay in stays:
        for medication in chance.sample(range(1, 13), chance.choice((0, 1, 1, 2, 3))):
            first = date.fromisoformat(str(stay[4])) + timedelta(days=chance.randrange(0, 5))
            last = None if chance.random() < 0.25 else (first + timedelta(days=chance.randrange(3, 30))).isoformat()
            tablets = chance.choice((7, 10, 14, 20, 28, 30, 60))
            rows.append((len(rows) + 1, stay[0], medication, stay[3], first.isoformat(), last, tablets))
    return rows


def invoice_rows(chance: random.Random, stays: Rows) -> Rows:
    """Ended stays have an invoice, except for a few of which it was forgotten."""
    rows: Rows = []
    for stay in stays:
        if stay[6] is None or chance.random() < 0.05:
            continue
        nights = (date.fromisoformat(str(stay[6])) - date.fromisoformat(str(stay[4]))).days
        total = round(nights * chance.uniform(185, 340), 2)
        status = chance.choices(("paid", "partly paid", "open", "overdue"), (14, 3, 2, 2))[0]
        paid = {"paid": total, "partly paid": round(total * chance.choice((0.2, 0.5, 0.8)), 2)}.get(status, 0.0)
        at = datetime.fromisoformat(str(stay[6])) + timedelta(days=chance.randrange(1, 21))
        who = chance.choice(("insurer", "insurer", "insurer", "patient")) if paid else None
        rows.append((50001 + len(rows), stay[0], at.strftime("%d/%m/%Y"), total, paid, status, who))
    return rows


def rehabclinic_rows(seed: int) -> Iterator[tuple[str, Rows]]:
    """Each table's name and rows, referenced tables first."""
    chance = random.Random(seed)
    patients = patient_rows(chance, 180)
    stays = stay_rows(chance, 330, patients)
    yield "insurer", INSURERS
    yield "careUnit", UNITS
    yield "employee", [(key, *row) for key, row in enumerate(STAFF, start=1)]
    yield "patient", patients
    yield "stay", stays
    yield "stayDiagnosis", diagnosis_rows(chance, stays)
    yield "therapyType", THERAPIES
    yield "therapySession", session_rows(chance, stays)
    yield "assessment", assessment_rows(chance, stays)
    yield "medication", MEDICATIONS
    yield "prescription", prescription_rows(chance, stays)
    yield "invoice", invoice_rows(chance, stays)
