"""The rows of the city hospital: the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from benchmarks.data.field_sql.draws import Rows, day, moment, seconds

__all__ = ["cityhosp_rows"]

GIVEN = {
    "F": [
        "Adele", "Briony", "Claudine", "Dorota", "Estelle", "Farah", "Greta", "Honora", "Ines", "Jolanta",
        "Kirsten", "Lucinda", "Mabel", "Ottilie",
    ],
    "M": [
        "Alasdair", "Bartek", "Cedric", "Dmitri", "Emrys", "Florian", "Gideon", "Hamish", "Ivo", "Jerome",
        "Kacper", "Leander", "Malachi", "Oswin",
    ],
}  # fmt: skip
FAMILY = [
    "Ashdown", "Birkett", "Calloway", "Draycott", "Ellery", "Fairburn", "Goodall", "Haverford", "Ingram",
    "Kowalska", "Langley", "Mistry", "Nightingale", "Osei", "Pemberton", "Rahman", "Stokes", "Trelawny",
    "Underhill", "Yardley",
]  # fmt: skip
TOWNS = ("Eastbrook", "Millford", "Northgate", "Saltley", "Wexcombe")
WARDS: Rows = [
    ("CAR", "Cardiac Care", "Nightingale", 3, 24, 0), ("ICU", "Intensive Care", "Nightingale", 2, 12, 1),
    ("MAT", "Maternity", "Seacole", 1, 20, 0), ("ORT", "Orthopaedics", "Seacole", 3, 28, 0),
    ("PAE", "Paediatrics", "Seacole", 2, 18, 0), ("RES", "Respiratory", "Lister", 4, 22, 0),
    ("SUR", "General Surgery", "Lister", 2, 30, 0), ("STR", "Stroke Unit", "Nightingale", 4, 14, 0),
    ("NIC", "Neonatal Intensive Care", "Seacole", 1, 8, 1), ("DAY", "Day Surgery", "Lister", 1, 10, 0),
]  # fmt: skip
PAYERS: Rows = [
    (1, "National Health Fund", "statutory", 90), (2, "Crownshield", "private", 100),
    (3, "Beacon Mutual", "private", 85), (4, "Railworkers' Benefit", "statutory", 80),
    (5, "St Anselm Trust", "charity", 60), (6, "Polaris Medical", "private", 95),
]  # fmt: skip
# name, role, ward, joined, left, salary, manager, shift
STAFF = (
    ("Margot Fensworth", "consultant", "CAR", "2005-04-01", None, 142000, None, "D"),
    ("Idris Quayle", "consultant", "RES", "2011-09-12", None, 126500, 1, "D"),
    ("Sunita Barve", "consultant", "STR", "2014-01-20", None, 121000, 1, "D"),
    ("Leopold Grey", "consultant", "PAE", "2009-06-15", None, 131000, 1, "D"),
    ("Winifred Achterberg", "consultant", "MAT", "2016-03-07", None, 118500, 1, "R"),
    ("Tomasz Wilk", "consultant", "ICU", "2012-11-05", None, 137500, 1, "R"),
    ("Constance Mbeki", "surgeon", "SUR", "2008-08-18", None, 151000, None, "D"),
    ("Rafferty Dunmore", "surgeon", "ORT", "2013-02-25", None, 145500, 7, "D"),
    ("Hiroko Tanabe", "surgeon", "CAR", "2017-10-02", None, 158000, 7, "D"),
    ("Piers Langham", "surgeon", "SUR", "2019-05-13", "2023-09-30", 133000, 7, "R"),
    ("Odile Marchand", "surgeon", "DAY", "2021-01-11", None, 124000, 7, "D"),
    ("Bram Kuyper", "resident", "ICU", "2021-08-02", None, 58000, 6, "N"),
    ("Shona Petrie", "resident", "CAR", "2022-08-01", None, 55500, 1, "R"),
    ("Kwame Asante", "resident", "RES", "2020-08-03", "2023-07-31", 60500, 2, "R"),
    ("Lydia Cromarty", "resident", "PAE", "2023-02-06", None, 54000, 4, "N"),
    ("Agnieszka Rudd", "head nurse", "ICU", "2007-05-21", None, 61500, 6, "D"),
    ("Beatrice Holloway", "head nurse", "SUR", "2010-10-04", None, 59000, 7, "D"),
    ("Colm Rafferty", "head nurse", "STR", "2015-07-13", None, 56500, 3, "D"),
    ("Delphine Ward", "nurse", "ICU", "2018-03-19", None, 43500, 16, "N"),
    ("Ewan Tulloch", "nurse", "ICU", "2020-11-09", None, 41200, 16, "R"),
    ("Fenella Brook", "nurse", "SUR", "2016-09-26", None, 44800, 17, "D"),
    ("Gwilym Parry", "nurse", "SUR", "2022-01-17", None, 38900, 17, "N"),
    ("Hyacinth Obuya", "nurse", "STR", "2019-06-03", None, 42100, 18, "R"),
    ("Isolde Farrow", "nurse", "CAR", "2013-04-22", "2022-12-31", 46000, 1, "D"),
    ("Joris Maes", "nurse", "CAR", "2023-03-13", None, 38200, 1, "N"),
    ("Katja Lindholm", "nurse", "MAT", "2017-12-04", None, 43000, 5, "R"),
    ("Lorcan Byrne", "nurse", "PAE", "2021-05-31", None, 39900, 4, "D"),
    ("Mirela Stan", "technician", None, "2014-02-10", None, 40500, None, "D"),
    ("Nestor Villar", "technician", None, "2020-06-22", "2024-02-29", 36800, 28, "D"),
    ("Una Blackett", "technician", None, "2022-10-10", None, 35200, 28, "R"),
)
DRUGS: Rows = [
    (1, "Warfarin", "anticoagulant", "oral", 0.22, 1400, 500, 1),
    (2, "Heparin", "anticoagulant", "iv", 6.80, 240, 300, 1),
    (3, "Amoxicillin", "antibiotic", "oral", 0.31, 2600, 800, 0),
    (4, "Ceftriaxone", "antibiotic", "iv", 4.95, 380, 400, 0),
    (5, "Salbutamol", "bronchodilator", "inhaled", 3.40, 520, 200, 0),
    (6, "Morphine", "opioid", "iv", 5.60, 150, 120, 1), (7, "Oxycodone", "opioid", "oral", 1.05, 310, 350, 1),
    (8, "Paracetamol", "analgesic", "oral", 0.04, 9800, 3000, 0),
    (9, "Ibuprofen", "analgesic", "oral", 0.06, 5400, 2000, 0),
    (10, "Atorvastatin", "statin", "oral", 0.18, 1900, 600, 0),
    (11, "Insulin glargine", "antidiabetic", "iv", 11.40, 95, 100, 1),
    (12, "Metformin", "antidiabetic", "oral", 0.09, 2100, 700, 0),
    (13, "Clotrimazole", "antifungal", "topical", 2.75, 180, 60, 0),
    (14, "Remdesivir", "antiviral", "iv", 390.00, 12, 10, 0),
]  # fmt: skip
# code, description, wards
ILLNESSES = (
    ("I21.9", "Myocardial infarction", "CAR ICU"), ("I50.9", "Heart failure", "CAR ICU"),
    ("I48.0", "Atrial fibrillation", "CAR"), ("J18.9", "Pneumonia", "RES ICU PAE"),
    ("J44.1", "COPD exacerbation", "RES ICU"), ("J45.0", "Asthma attack", "RES PAE"),
    ("S72.0", "Hip fracture", "ORT"), ("M16.1", "Hip osteoarthritis", "ORT"),
    ("S82.1", "Tibia fracture", "ORT PAE"), ("K35.8", "Acute appendicitis", "SUR PAE"),
    ("K80.2", "Gallstones", "SUR DAY"), ("K40.9", "Inguinal hernia", "SUR DAY"),
    ("I63.9", "Ischaemic stroke", "STR ICU"), ("I61.9", "Brain haemorrhage", "STR ICU"),
    ("O80.0", "Normal delivery", "MAT"), ("O82.0", "Caesarean delivery", "MAT"), ("A41.9", "Sepsis", "ICU SUR"),
    ("H25.1", "Cataract", "DAY"), ("E11.9", "Type 2 diabetes", "CAR STR RES"),
)  # fmt: skip
# name, wards, minutes, theatre
PROCEDURES = (
    ("Coronary bypass", "CAR", 260, "OT-1"), ("Pacemaker insertion", "CAR", 75, "OT-1"),
    ("Hip replacement", "ORT", 110, "OT-3"), ("Fracture fixation", "ORT", 95, "OT-3"),
    ("Appendectomy", "SUR PAE", 60, "OT-2"), ("Gallbladder removal", "SUR DAY", 80, "OT-2"),
    ("Hernia repair", "SUR DAY", 65, "OT-4"), ("Caesarean section", "MAT", 50, "OT-5"),
    ("Cataract surgery", "DAY", 30, "OT-4"), ("Thrombectomy", "STR", 120, "OT-1"),
)  # fmt: skip
# name, unit, low, high
TESTS = (
    ("Haemoglobin", "g/L", 120.0, 170.0), ("Potassium", "mmol/L", 3.5, 5.1), ("Sodium", "mmol/L", 135.0, 146.0),
    ("Lactate", "mmol/L", 0.5, 2.0), ("Troponin", "ng/L", 0.0, 14.0), ("Platelets", "10^9/L", 150.0, 400.0),
)  # fmt: skip
ATTENDING = {
    "CAR": (1,), "ICU": (6,), "MAT": (5,), "ORT": (8,), "PAE": (4,), "RES": (2,), "SUR": (7, 10), "STR": (3,),
    "DAY": (11,),
}  # fmt: skip
OUTCOMES = {
    "ICU": ("home", "transferred", "transferred", "rehab"), "DAY": ("home",), "MAT": ("home",),
    "other": ("home", "home", "home", "home", "rehab", "transferred"),
}  # fmt: skip
ALLERGIES = ("penicillin", "latex", "peanuts", "iodine", "aspirin")
PRACTICES = ("Dr Ambler", "Dr Chaudhry", "Dr Fitzroy", "Dr Mukasa", "Dr Swann")
START, END = date(2021, 1, 3), date(2024, 6, 29)
STILL_THERE = datetime(2024, 6, 24)  # who would leave later is in a bed yet
NURSES = tuple(key for key, one in enumerate(STAFF, start=1) if one[1] == "nurse")


def patient_rows(chance: random.Random, count: int) -> Rows:
    """Names are unique, so that a name stands for one patient."""
    pool = [(sex, given, family) for sex, names in GIVEN.items() for given in names for family in FAMILY]
    rows: Rows = []
    for key, (sex, given, family) in enumerate(chance.sample(pool, count), start=1):
        birth = day(chance, date(1929, 1, 1), date(2020, 12, 31))
        town = None if chance.random() < 0.05 else chance.choice(TOWNS)
        blood = None if chance.random() < 0.1 else chance.choice(("O+", "O+", "A+", "A+", "B+", "AB+", "O-", "A-"))
        allergy = chance.choice(ALLERGIES) if chance.random() < 0.35 else None
        payer = None if chance.random() < 0.08 else chance.choice((1, 1, 1, 1, 2, 3, 3, 4, 5))
        registered = day(chance, max(birth, date(2014, 1, 1)), date(2024, 5, 31)).isoformat()
        old = birth.year < 1950 and registered < "2021-01-01"
        died = day(chance, date(2022, 1, 1), END).isoformat() if old and chance.random() < 0.4 else None
        donor = None if chance.random() < 0.4 else chance.choice("YN")
        names = (f"M{chance.randrange(100000, 999999)}", given, family)
        known = (sex, birth.strftime("%d/%m/%Y"), town, blood, allergy)
        rows.append((key, *names, *known, payer, registered, died, donor, chance.choice((None, *PRACTICES))))
    return rows


def pick_ward(chance: random.Random, patient: tuple[object, ...], at: date) -> str:
    age = at.year - int(str(patient[5])[-4:])
    if age < 16:
        return "PAE"
    wards = ["CAR", "RES", "SUR", "SUR", "ORT", "STR", "ICU", "DAY"]
    if patient[4] == "F" and 18 <= age <= 45:
        wards += ["MAT", "MAT", "MAT"]
    return chance.choice(wards)


def is_there(at: date, first: object, last: object) -> bool:
    """Whether somebody who came on one day and left on another, or not at all, was there on a third."""
    return str(first) <= at.isoformat() <= str(last or "9999")


def draw_discharge(chance: random.Random, ward: str, at: datetime) -> tuple[datetime | None, str | None]:
    """When a stay ends and how; neither where the patient is still there."""
    hours = chance.randrange(6, 30) if ward == "DAY" else chance.randrange(20, 420)
    left = at + timedelta(hours=hours, minutes=chance.randrange(60))
    return (None, None) if left > STILL_THERE else (left, chance.choice(OUTCOMES.get(ward, OUTCOMES["other"])))


def last_stays(chance: random.Random, patients: Rows) -> Rows:
    """The stays of those who died in hospital: two thirds of the dead."""
    rows: Rows = []
    for patient in patients:
        if patient[11] and int(str(patient[0])) % 3:
            left = moment(chance, date.fromisoformat(str(patient[11])))
            ward = chance.choice(("ICU", "ICU", "CAR", "STR"))
            at = left - timedelta(hours=chance.randrange(30, 300))
            rows.append((patient[0], ward, ATTENDING[ward][0], "urgent", str(at), str(left), "died"))
    return rows


def admission_rows(chance: random.Random, count: int, patients: Rows) -> Rows:
    """A sixth of the patients is never admitted, nobody twice at a time; some of the last days are still there."""
    guests = [row for row in patients if int(str(row[0])) % 6]
    stays: dict[object, list[tuple[datetime, datetime]]] = {}
    drafts = last_stays(chance, patients)
    for row in drafts:
        stays[row[0]] = [(datetime.fromisoformat(str(row[4])), datetime.fromisoformat(str(row[5])))]
    while len(drafts) < count:
        patient = guests[int(len(guests) * chance.random() ** 1.3)]
        at = moment(chance, day(chance, START, END))
        ward = pick_ward(chance, patient, at.date())
        attending = chance.choice(ATTENDING[ward])
        worked = STAFF[attending - 1][3:5]
        # A stay of the dead begins well before the last one.
        last = patient[11] and (date.fromisoformat(str(patient[11])) - timedelta(days=20)).isoformat()
        if not is_there(at.date(), patient[10], last) or not is_there(at.date(), *worked):
            continue
        left, outcome = draw_discharge(chance, ward, at)
        if any(at <= end and start <= (left or datetime.max) for start, end in stays.get(patient[0], ())):
            continue
        stays.setdefault(patient[0], []).append((at, left or datetime.max))
        kind = "elective" if ward in {"DAY", "MAT"} else chance.choice(("urgent", "urgent", "elective", "transfer"))
        drafts.append((patient[0], ward, attending, kind, str(at), left and str(left), outcome))
    latest: dict[object, int] = {}
    rows: Rows = []
    for key, row in enumerate(sorted(drafts, key=lambda row: str(row[4])), start=1):
        follows = latest.get(row[0]) if chance.random() < 0.3 else None
        latest[row[0]] = key
        rows.append((key, *row, follows))
    return rows


def diagnosis_rows(chance: random.Random, admissions: Rows) -> Rows:
    rows: Rows = []
    for admission in admissions:
        fitting = [one for one in ILLNESSES if str(admission[2]) in one[2].split()]
        for rank, (code, name, _) in enumerate(chance.sample(fitting, min(len(fitting), chance.choice((1, 1, 2)))), 1):
            rows.append((len(rows) + 1, admission[0], code, name, rank))
    return rows


def procedure_rows(chance: random.Random, admissions: Rows) -> Rows:
    surgeons = {"CAR": (9,), "ORT": (8,), "DAY": (11,), "SUR": (7, 10)}
    rows: Rows = []
    for admission in admissions:
        fitting = [one for one in PROCEDURES if str(admission[2]) in one[1].split()]
        if not fitting or chance.random() < 0.35:
            continue
        name, _, minutes, theatre = chance.choice(fitting)
        at = (date.fromisoformat(str(admission[5])[:10]) + timedelta(days=chance.randrange(0, 2))).isoformat()
        able = [one for one in surgeons.get(str(admission[2]), (7,)) if at <= str(STAFF[one - 1][4] or "9999")]
        length = None if chance.random() < 0.05 else int(minutes * chance.uniform(0.7, 1.5))
        kind = "local" if minutes < 40 else chance.choice(("general", "general", "regional"))
        bad = "Y" if chance.random() < 0.11 else "N"
        rows.append((len(rows) + 1, admission[0], chance.choice(able), name, theatre, at, length, kind, bad))
    return rows


def order_rows(chance: random.Random, admissions: Rows) -> Rows:
    """Remdesivir is never ordered."""
    rows: Rows = []
    for admission in admissions:
        for drug in chance.sample(range(1, 14), chance.choice((0, 1, 2, 2, 3))):
            start = date.fromisoformat(str(admission[5])[:10]) + timedelta(days=chance.randrange(0, 3))
            stop = None if chance.random() < 0.2 else (start + timedelta(days=chance.randrange(1, 21))).isoformat()
            resident = chance.choice((12, 13, 15))
            by = resident if start.isoformat() >= STAFF[resident - 1][3] and chance.random() < 0.5 else admission[3]
            dose, units = chance.choice((5, 10, 25, 50, 250, 500)), chance.choice((1, 2, 5, 10, 14, 28))
            rows.append((len(rows) + 1, admission[0], drug, by, start.isoformat(), stop, dose, units))
    return rows


def lab_rows(chance: random.Random, admissions: Rows) -> Rows:
    rows: Rows = []
    for admission in admissions:
        for name, unit, low, high in chance.sample(TESTS, chance.choice((0, 1, 1, 2, 3))):
            value = round(chance.uniform(low * 0.85, high * 1.2), 1)
            flag = "H" if value > high else "L" if value < low else None
            if chance.random() < 0.05:
                value, flag = None, None
            at = datetime.fromisoformat(str(admission[5])) + timedelta(minutes=chance.randrange(15, 2000))
            rows.append((len(rows) + 1, admission[0], name, value, unit, flag, seconds(at)))
    return rows


def vital_rows(chance: random.Random, admissions: Rows) -> Rows:
    rows: Rows = []
    for admission in admissions:
        for _ in range(chance.choice((1, 1, 2, 3))):
            at = datetime.fromisoformat(str(admission[5])) + timedelta(minutes=chance.randrange(10, 1200))
            able = [one for one in NURSES if STAFF[one - 1][3] <= str(at) <= str(STAFF[one - 1][4] or "9999")]
            high = chance.randrange(88, 186)
            pressure = (None, None) if chance.random() < 0.04 else (high, int(high * chance.uniform(0.52, 0.7)))
            oxygen = None if chance.random() < 0.08 else chance.randrange(86, 101)
            warmth = round(chance.gauss(37.2, 0.8), 1)
            rows.append(
                (
                    len(rows) + 1,
                    admission[0],
                    chance.choice(able),
                    str(at),
                    warmth,
                    *pressure,
                    chance.randrange(48, 138),
                    oxygen,
                )
            )
    return rows


def bill_rows(chance: random.Random, admissions: Rows) -> Rows:
    rates = {"ICU": 9200, "CAR": 5400, "ORT": 4300, "SUR": 3600, "DAY": 900, "MAT": 2100}
    rows: Rows = []
    for admission in admissions:
        if admission[6] is None:
            continue
        gross = round(rates.get(str(admission[2]), 2700) * chance.uniform(0.6, 1.9), 2)
        discount = round(gross * chance.choice((0, 0, 0, 0.05, 0.1)), 2)
        state = chance.choices(("paid", "part", "unpaid", "disputed"), (14, 3, 3, 1))[0]
        net = round(gross - discount, 2)
        paid = {"paid": net, "part": round(net * chance.choice((0.25, 0.5, 0.75)), 2)}.get(state, 0.0)
        at = date.fromisoformat(str(admission[6])[:10]) + timedelta(days=chance.randrange(1, 20))
        rows.append((70001 + len(rows), admission[0], at.strftime("%d/%m/%Y"), gross, discount, paid, state))
    return rows


def cityhosp_rows(seed: int) -> Iterator[tuple[str, Rows]]:
    """Each table's name and rows, referenced tables first."""
    chance = random.Random(seed)
    patients = patient_rows(chance, 190)
    admissions = admission_rows(chance, 540, patients)
    yield "ref_ward", WARDS
    yield "ref_payer", PAYERS
    yield "stf_mst", [(key, *row) for key, row in enumerate(STAFF, start=1)]
    yield "pat_mst", patients
    yield "adm_hdr", admissions
    yield "dx_line", diagnosis_rows(chance, admissions)
    yield "proc_log", procedure_rows(chance, admissions)
    yield "drug_mst", DRUGS
    yield "med_ord", order_rows(chance, admissions)
    yield "lab_res", lab_rows(chance, admissions)
    yield "vit_sign", vital_rows(chance, admissions)
    yield "bill_hdr", bill_rows(chance, admissions)
