"""The rows of the hospital: the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from benchmarks.data.field_sql.draws import Rows, day, moment, seconds

__all__ = ["hospital_rows"]

GIVEN = {
    "F": [
        "Agnes",
        "Bianca",
        "Chloe",
        "Deepa",
        "Edith",
        "Fiona",
        "Gloria",
        "Hilde",
        "Imani",
        "Judith",
        "Katya",
        "Lorena",
        "Miriam",
        "Noemi",
        "Olga",
    ],
    "M": [
        "Arthur",
        "Boris",
        "Carlos",
        "Daniel",
        "Edgar",
        "Felix",
        "Georg",
        "Henrik",
        "Ismail",
        "Jakob",
        "Kofi",
        "Leon",
        "Mateo",
        "Nils",
        "Otto",
    ],
}
FAMILY = [
    "Adler",
    "Bergmann",
    "Cohen",
    "Delgado",
    "Ekwueme",
    "Fontaine",
    "Garcia",
    "Hoffmann",
    "Ibrahim",
    "Janssen",
    "Keller",
    "Lombardi",
    "Meyer",
    "Novotny",
    "Oliveira",
    "Pohl",
    "Richter",
    "Santos",
    "Thoma",
    "Varga",
    "Winter",
    "Zhang",
]
CITIES = ("Graz", "Linz", "Salzburg", "Innsbruck", "Villach", "Wels")
DEPARTMENTS: Rows = [
    ("CARD", "Cardiology", 3, 4200000), ("NEUR", "Neurology", 4, 3650000), ("ORTH", "Orthopedics", 2, 3100000),
    ("PEDI", "Pediatrics", 1, 2400000), ("EMER", "Emergency", 0, 5300000), ("ONCO", "Oncology", 5, 6100000),
    ("DERM", "Dermatology", 2, 980000), ("RADI", "Radiology", 0, 2750000),
]  # fmt: skip
# name, specialty, department, hired, salary, supervisor, on leave
DOCTORS = (
    ("Dr. Helga Wirth", "Cardiologist", "CARD", "2006-02-01", 14200, None, 0),
    ("Dr. Paul Sander", "Cardiologist", "CARD", "2013-05-20", 10900, 1, 0),
    ("Dr. Amina Diallo", "Cardiologist", "CARD", "2019-10-01", 8700, 1, 1),
    ("Dr. Viktor Hess", "Neurologist", "NEUR", "2009-08-17", 13100, None, 0),
    ("Dr. Lena Ortiz", "Neurologist", "NEUR", "2017-03-06", 9400, 4, 0),
    ("Dr. Simon Falk", "Neurosurgeon", "NEUR", "2015-11-02", 15800, 4, 0),
    ("Dr. Grace Obi", "Orthopedic Surgeon", "ORTH", "2011-01-10", 14900, None, 0),
    ("Dr. Ralf Timm", "Orthopedic Surgeon", "ORTH", "2020-07-01", 9900, 7, 0),
    ("Dr. Mona Kessler", "Pediatrician", "PEDI", "2008-04-14", 9800, None, 0),
    ("Dr. Yara Nasser", "Pediatrician", "PEDI", "2021-09-13", 7200, 9, 0),
    ("Dr. Jan Prohaska", "Emergency Physician", "EMER", "2012-06-18", 10400, None, 0),
    ("Dr. Ida Blom", "Emergency Physician", "EMER", "2018-12-03", 8900, 11, 0),
    ("Dr. Tariq Mansour", "Emergency Physician", "EMER", "2022-02-21", 7600, 11, 1),
    ("Dr. Eva Stadler", "Oncologist", "ONCO", "2010-10-25", 13700, None, 0),
    ("Dr. Ben Archer", "Oncologist", "ONCO", "2016-01-18", 11300, 14, 0),
    ("Dr. Carmen Ruiz", "Dermatologist", "DERM", "2014-09-08", 9100, None, 0),
    ("Dr. Uwe Lang", "Radiologist", "RADI", "2007-07-30", 12600, None, 0),
    ("Dr. Kim Sato", "Radiologist", "RADI", "2023-03-15", 7900, 17, 0),
    ("Dr. Nils Bauer", "Dermatologist", None, "2024-02-01", 6900, 16, 0),
)
INSURERS: Rows = [
    (1, "Alpina Health", "public", 80), (2, "Donau Care", "public", 75), (3, "MediPrivat", "private", 100),
    (4, "Helvetia Plus", "private", 90), (5, "Union Mutual", "public", 70), (6, "Phoenix Cover", "private", 85),
]  # fmt: skip
# brand, generic, form, price, controlled
MEDICATIONS: Rows = [
    (1, "Cardiol", "bisoprolol", "tablet", 0.42, 0), (2, "Lipanor", "atorvastatin", "tablet", 0.65, 0),
    (3, "Dolostop", "ibuprofen", "tablet", 0.12, 0), (4, "Febrexin", "paracetamol", "syrup", 4.30, 0),
    (5, "Amoxal", "amoxicillin", "capsule", 0.58, 0), (6, "Morphanil", "morphine", "injection", 7.90, 1),
    (7, "Calmera", "diazepam", "tablet", 0.95, 1), (8, "Neuroxon", "gabapentin", "capsule", 1.15, 0),
    (9, "Dermasol", "hydrocortisone", "cream", 6.40, 0), (10, "Onkovir", "tamoxifen", "tablet", 2.85, 0),
    (11, "Insulex", "insulin", "injection", 12.50, 0), (12, "Fentapatch", "fentanyl", "patch", 18.20, 1),
]  # fmt: skip
# code, description, departments
ILLNESSES = (
    ("I10", "Hypertension", "CARD EMER"),
    ("I21", "Heart attack", "CARD EMER"),
    ("I48", "Atrial fibrillation", "CARD"),
    ("G43", "Migraine", "NEUR EMER"),
    ("G40", "Epilepsy", "NEUR PEDI"),
    ("I63", "Stroke", "NEUR EMER"),
    ("S52", "Forearm fracture", "ORTH EMER PEDI"),
    ("M17", "Knee arthrosis", "ORTH"),
    ("J45", "Asthma", "PEDI EMER"),
    ("H66", "Ear infection", "PEDI"),
    ("C50", "Breast cancer", "ONCO RADI"),
    ("C34", "Lung cancer", "ONCO RADI"),
    ("L20", "Eczema", "DERM PEDI"),
    ("L40", "Psoriasis", "DERM"),
    ("E11", "Type 2 diabetes", "CARD EMER ONCO"),
)
# name, unit, low, high
TESTS = (
    ("Hemoglobin", "g/dL", 12.0, 17.0), ("Glucose", "mg/dL", 70.0, 110.0), ("Cholesterol", "mg/dL", 120.0, 200.0),
    ("Creatinine", "mg/dL", 0.6, 1.3), ("CRP", "mg/L", 0.0, 5.0), ("TSH", "mIU/L", 0.4, 4.0),
)  # fmt: skip
START, END = date(2021, 1, 2), date(2024, 6, 28)


def patient_rows(chance: random.Random, count: int) -> Rows:
    """Names are unique, so that a name stands for one patient."""
    pool = [(sex, given, family) for sex, names in GIVEN.items() for given in names for family in FAMILY]
    rows: Rows = []
    for key, (sex, given, family) in enumerate(chance.sample(pool, count), start=1):
        birth = day(chance, date(1931, 1, 1), date(2021, 12, 31))
        city = None if chance.random() < 0.04 else chance.choice(CITIES)
        phone = None if chance.random() < 0.2 else f"0664 {chance.randrange(1000000, 9999999)}"
        smoker = None if chance.random() < 0.15 else int(birth.year < 2005 and chance.random() < 0.3)
        registered = day(chance, max(birth, date(2015, 1, 1)), date(2024, 5, 31)).isoformat()
        dead = day(chance, date(2021, 6, 1), END).isoformat() if birth.year < 1955 and chance.random() < 0.2 else None
        insurer = None if chance.random() < 0.1 else chance.choice((1, 1, 1, 2, 2, 3, 4, 5, 5))
        born = birth.isoformat()
        rows.append((key, given, family, sex, born, city, phone, smoker, registered, dead, insurer))
    return rows


def room_rows(chance: random.Random) -> Rows:
    rows: Rows = []
    for code, _, floor, _ in DEPARTMENTS[:6]:
        for number in range(1, 6):
            private = number > 3
            rate = round((310 if private else 140) + chance.randrange(0, 60), 2)
            beds = 1 if private else chance.choice((2, 3, 4))
            rows.append((len(rows) + 1, f"{floor}{number:02d}", code, beds, "Y" if private else "N", float(rate)))
    return rows


def visit_rows(chance: random.Random, count: int, patients: Rows, rooms: Rows) -> Rows:
    """A tenth of the patients never comes; inpatients of the last days are still there."""
    guests = [row for row in patients if int(str(row[0])) % 10]
    wards: dict[object, list[object]] = {}
    for room in rooms:
        wards.setdefault(room[2], []).append(room[0])
    rows: Rows = []
    while len(rows) < count:
        patient = guests[int(len(guests) * chance.random() ** 1.3)]
        at = moment(chance, day(chance, START, END))
        first, last = str(patient[4]), str(patient[9] or "9999")
        if not first <= at.date().isoformat() <= last:
            continue
        doctor = chance.choice(range(1, len(DOCTORS) - 1))
        code, hired = DOCTORS[doctor - 1][2], DOCTORS[doctor - 1][3]
        if at.date().isoformat() < hired:
            continue
        kind = "emergency" if code == "EMER" else chance.choice(("inpatient", "outpatient", "outpatient"))
        stay = timedelta(hours=chance.randrange(26, 330)) if kind == "inpatient" else timedelta(minutes=30)
        stay += timedelta(minutes=chance.randrange(15, 300))
        left = at + stay
        gone = None if kind == "inpatient" and left > datetime(2024, 6, 20, 12) else str(left)
        room = chance.choice(wards[code]) if kind == "inpatient" and code in wards else None
        triage = chance.choice((1, 2, 3, 3, 4, 5)) if kind == "emergency" else None
        rows.append((0, patient[0], doctor, kind, str(at), gone, room, triage))
    return [(key, *row[1:]) for key, row in enumerate(sorted(rows, key=lambda row: str(row[4])), start=1)]


def diagnosis_rows(chance: random.Random, visits: Rows) -> Rows:
    rows: Rows = []
    for visit in visits:
        code = str(DOCTORS[int(str(visit[2])) - 1][2])
        fitting = [one for one in ILLNESSES if code in one[2].split()]
        for place, (icd, name, _) in enumerate(chance.sample(fitting, chance.choice((1, 1, 1, 2)))):
            rows.append((len(rows) + 1, visit[0], icd, name, "N" if place else "Y"))
    return rows


def prescription_rows(chance: random.Random, visits: Rows) -> Rows:
    rows: Rows = []
    for visit in visits:
        for medication in chance.sample(range(1, 12), chance.choice((0, 1, 1, 2))):
            start = date.fromisoformat(str(visit[4])[:10])
            stop = None if chance.random() < 0.15 else (start + timedelta(days=chance.randrange(3, 60))).isoformat()
            dose, units = chance.choice((5, 10, 20, 50, 100, 250)), chance.choice((1, 10, 20, 30, 60))
            rows.append((len(rows) + 1, visit[0], medication, start.isoformat(), stop, dose, units))
    return rows


def lab_rows(chance: random.Random, visits: Rows) -> Rows:
    rows: Rows = []
    for visit in visits:
        for name, unit, low, high in chance.sample(TESTS, chance.choice((0, 0, 1, 2))):
            value = round(chance.uniform(low * 0.8, high * 1.25), 1)
            flag = "H" if value > high else "L" if value < low else "N"
            missing = chance.random() < 0.04
            at = seconds(datetime.fromisoformat(str(visit[4])) + timedelta(minutes=chance.randrange(10, 240)))
            seen = int(chance.random() < 0.85)
            result = (None, unit, None) if missing else (value, unit, flag)
            rows.append((len(rows) + 1, visit[0], name, *result, at, seen))
    return rows


def appointment_rows(chance: random.Random, count: int, patients: int) -> Rows:
    rows: Rows = []
    for key in range(1, count + 1):
        at = moment(chance, day(chance, date(2022, 1, 3), END)).replace(hour=chance.randrange(8, 18), minute=30)
        status = chance.choices(("kept", "no-show", "cancelled"), (7, 2, 2))[0]
        rows.append((key, chance.randrange(1, patients + 1), chance.randrange(1, len(DOCTORS)), str(at), status))
    return rows


def invoice_rows(chance: random.Random, visits: Rows) -> Rows:
    rows: Rows = []
    for visit in visits:
        if visit[5] is None:
            continue
        base = {"inpatient": 1800, "emergency": 420, "outpatient": 130}[str(visit[3])]
        due = round(base * chance.uniform(0.5, 2.2), 2)
        settled = chance.random() < 0.78
        paid = due if settled else round(due * chance.choice((0, 0, 0.25, 0.5)), 2)
        at = date.fromisoformat(str(visit[5])[:10]) + timedelta(days=chance.randrange(1, 15))
        rows.append((len(rows) + 1, visit[0], due, paid, at.strftime("%d/%m/%Y"), "Y" if settled else "N"))
    return rows


def hospital_rows(seed: int) -> Iterator[tuple[str, Rows]]:
    """Each table's name and rows, referenced tables first."""
    chance = random.Random(seed)
    patients = patient_rows(chance, 210)
    rooms = room_rows(chance)
    visits = visit_rows(chance, 760, patients, rooms)
    yield "departments", DEPARTMENTS
    yield "doctors", [(key, *row) for key, row in enumerate(DOCTORS, start=1)]
    yield "insurers", INSURERS
    yield "patients", patients
    yield "rooms", rooms
    yield "visits", visits
    yield "diagnoses", diagnosis_rows(chance, visits)
    yield "medications", MEDICATIONS
    yield "prescriptions", prescription_rows(chance, visits)
    yield "lab_results", lab_rows(chance, visits)
    yield "appointments", appointment_rows(chance, 520, len(patients))
    yield "invoices", invoice_rows(chance, visits)
