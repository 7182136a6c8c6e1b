"""A BIRD and a Spider folder around the bakery databases, for tests of the runner."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

PLACE = Path(__file__).parent / "official"
RECORD = json.loads((PLACE / "cases.json").read_text(encoding="utf-8"))
GOLD = (
    ("How many loaves?", "SELECT count(*) FROM loaf", "simple"),
    ("Rye loaves?", "SELECT name FROM loaf WHERE flour = 'rye'", "simple"),
    ("Cities?", "SELECT DISTINCT city FROM shop", "moderate"),
    ("Loaves by price?", "SELECT name, price FROM loaf ORDER BY price DESC", "moderate"),
    ("Sold in Oslo?", "SELECT T1.amount FROM sale AS T1 JOIN shop AS T2 ON T1.shop_id = T2.shop_id "
     "WHERE T2.city = 'Oslo'", "challenging"),
    ("None?", "SELECT name FROM loaf WHERE price > 100", "simple"),
)  # fmt: skip
RIGHT = tuple(sql for _, sql, _ in GOLD)


def make_database(path: Path, name: str = "bakery") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((PLACE / f"{name}.sql").read_text(encoding="utf-8"))


def make_spider(folder: Path, *, gold=GOLD, copies: int = 1) -> Path:
    """A Spider folder; with `copies`, the same database under that many names, the items in turn."""
    names = ["bakery", *(f"bakery{n}" for n in range(2, copies + 1))]
    for name in names:
        make_database(folder / "database" / name / f"{name}.sqlite")
    items = [{"db_id": names[at % copies], "question": q, "query": sql} for at, (q, sql, _) in enumerate(gold)]
    items.append({"db_id": "absent", "question": "?", "query": "SELECT 1"})
    (folder / "dev.json").write_text(json.dumps(items), encoding="utf-8")
    tables = [{**_entry(), "db_id": name} for name in names]
    (folder / "tables.json").write_text(json.dumps(tables), encoding="utf-8")
    return folder


def make_bird(folder: Path, *, gold=GOLD) -> Path:
    make_database(folder / "dev_databases" / "bakery" / "bakery.sqlite")
    described = folder / "dev_databases" / "bakery" / "database_description"
    described.mkdir()
    (described / "loaf.csv").write_text(
        "original_column_name,column_name,column_description,data_format,value_description\n"
        "flour,flour,the main flour,text,\n", encoding="utf-8",
    )  # fmt: skip
    items = [
        {"question_id": at, "db_id": "bakery", "question": q, "evidence": "", "SQL": sql, "difficulty": level}
        for at, (q, sql, level) in enumerate(gold)
    ]
    items.append(
        {"question_id": len(items), "db_id": "absent", "question": "?", "SQL": "SELECT 1", "difficulty": "simple"}
    )
    (folder / "dev.json").write_text(json.dumps(items), encoding="utf-8")
    (folder / "dev_tables.json").write_text(json.dumps([_entry()]), encoding="utf-8")
    return folder


def bird_predictions(path: Path, sql, db_id: str = "bakery") -> Path:
    entries = {str(at): f"{text}\t----- bird -----\t{db_id}" if isinstance(text, str) else text
               for at, text in enumerate(sql)}  # fmt: skip
    path.write_text(json.dumps(entries), encoding="utf-8")
    return path


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with its time and its content: nothing may have touched it."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _entry() -> dict:
    entry = dict(RECORD["tables"])
    entry["table_names"] = entry["table_names_original"]
    entry["column_names"] = entry["column_names_original"]
    entry["column_types"] = ["text"] * len(entry["column_names"])
    entry["primary_keys"] = [1, 6, 10, 15]
    return entry
