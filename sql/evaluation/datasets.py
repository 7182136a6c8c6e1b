"""Spider, Spider-Syn, Spider-DK, KaggleDBQA and BIRD in the folder layouts in which they are published."""

from __future__ import annotations

import hashlib
import json
import random
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError, UsageError
from ctxprune.storage.sealed import parse_json

from ..schema.files import schemas_from_bird, schemas_from_spider

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ..schema.schema import Schema

__all__ = [
    "Benchmark",
    "Item",
    "find_databases",
    "has_questions",
    "load",
    "no_database",
    "read_schemas",
    "sample_items",
    "with_gold",
]

_SPIDER_TABLES = ("tables.json", "tables_new.json", "KaggleDBQA_tables.json")
_BIRD_TABLES = ("dev_tables.json", "train_tables.json", "tables_80dbs.json")
_DATABASE_FOLDERS = ("database", "databases", "dev_databases", "train_databases", "test_database")
_QUESTION_FIELDS = ("SpiderSynQuestion", "question")
_SQL_FIELDS = ("query", "SQL", "sql")
_SPLITS = {
    "dev": ("dev.json", "Spider-DK.json", "mini_dev_sqlite.json", "mini_dev_sqlite.jsonl", "examples"),
    "mini_dev": ("mini_dev_sqlite.json", "mini_dev_sqlite.jsonl"),
    "train": ("train_spider.json", "train.json", "mini_train.json", "examples"),
}


@dataclass(frozen=True, slots=True)
class Item:
    """One benchmark question.

    Attributes:
        index: Position in its file (over all files where there are several), from 0.
        db_id: Name of the database.
        question: The user's words.
        gold: The reference SQL.
        evidence: Extra knowledge (BIRD); "" where the set has none.
        difficulty: The set's own label; "" where it has none.
        question_id: The set's own number (BIRD), as text; "" where it has none.
    """

    index: int
    db_id: str
    question: str
    gold: str
    evidence: str = ""
    difficulty: str = ""
    question_id: str = ""


@dataclass(frozen=True)
class Benchmark:
    """A loaded set.

    Attributes:
        name: Folder name.
        items: All questions, in file order.
        schemas: By db_id, from the set's own schema files, then from the sibling's.
        databases: Paths of the SQLite files that are present, by db_id.
        schema_files: The schema files that were read, the set's own first.
        folders: Where schemas and databases were looked for, the set's own first.
        fingerprint: sha256 (first 16 hex digits) over questions, gold and database file sizes.
    """

    name: str
    items: tuple[Item, ...]
    schemas: Mapping[str, Schema]
    databases: Mapping[str, Path]
    schema_files: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()

    @property
    def present(self) -> tuple[Item, ...]:
        """The items whose database is there."""
        return tuple(item for item in self.items if item.db_id in self.databases)

    @property
    def fingerprint(self) -> str:
        """Tells whether two runs saw the same data."""
        digest = hashlib.sha256()
        for item in self.items:
            digest.update(json.dumps([item.db_id, item.question, item.gold, item.evidence]).encode())
        for name in sorted(self.databases):
            digest.update(f"{name} {self.databases[name].stat().st_size}\n".encode())
        return digest.hexdigest()[:16]


def load(data: Path, *, schemas: Path | None = None, split: str = "dev") -> Benchmark:
    """Read a benchmark folder as it was published.

    Args:
        data: The set's folder.
        schemas: Where schemas and databases come from that the folder lacks; default: its sibling folder `spider`.
        split: "dev", "train" or "mini_dev" (BIRD).

    Raises:
        InputError: The folder is missing, holds no question file, or a file in it is damaged.
        UsageError: The split is none of these.
    """
    if split not in _SPLITS:
        raise UsageError(f"split {split!r} is not one of: {', '.join(sorted(_SPLITS))}")
    if not data.is_dir():
        raise InputError("no such folder", where=str(data))
    if schemas is not None and not schemas.is_dir():
        raise InputError("no such folder", where=str(schemas))
    folders = [data, schemas if schemas is not None else data.resolve().parent / "spider"]
    items = tuple(_items(data, split))
    known, paths = read_schemas(folders), find_databases(folders, {item.db_id for item in items})
    files = tuple(path for folder in folders for path in _schema_files(folder))
    return Benchmark(data.resolve().name, items, known, paths, files, tuple(folders))


def has_questions(data: Path, split: str = "dev") -> bool:
    """Whether a folder holds the questions of a split."""
    return any((data / name).exists() for name in _SPLITS[split])


def read_schemas(folders: Sequence[Path]) -> dict[str, Schema]:
    """The documented schemas of several folders by db_id; of two with one db_id, that of the earlier folder.

    Raises:
        InputError: A schema file is damaged.
    """
    known: dict[str, Schema] = {}
    for folder in folders:
        for name, schema in _schemas(folder).items():
            known.setdefault(name, schema)
    return known


def find_databases(folders: Sequence[Path], names: Collection[str]) -> dict[str, Path]:
    """The SQLite files of these databases that are there, by db_id; the earlier folder goes before the later."""
    paths: dict[str, Path] = {}
    for folder in folders:
        for db_id in set(names) - paths.keys():
            if (path := _database(folder, db_id)) is not None:
                paths[db_id] = path
    return paths


def no_database(benchmark: Benchmark) -> UsageError:
    """The error for a set of which no item has its database: where the first one was looked for."""
    first = benchmark.items[0].db_id if benchmark.items else "NAME"
    tried = [
        f"{folder.name}/{place}/{first}/{first}.sqlite" for folder in benchmark.folders for place in _usual(folder)
    ]
    hint = f"looked for {', '.join(tried)}" if tried else "name a folder with databases"
    return UsageError("no item has a database here", where=benchmark.name, hint=hint)


def _usual(folder: Path) -> tuple[str, ...]:
    """The folders of databases that are there, else the usual one of the set."""
    found = tuple(name for name in _DATABASE_FOLDERS if (folder / name).is_dir())
    if found or not folder.is_dir():
        return found
    bird = any((folder / name).is_file() for name in _BIRD_TABLES) or (folder / "mini_dev_sqlite.json").is_file()
    return ("dev_databases",) if bird else ("database",)


def sample_items(items: Sequence[Item], n: int, *, seed: int = 0) -> tuple[Item, ...]:
    """`n` items (all, if there are fewer), stratified by database.

    Each database in turn gives one of its shuffled items. The order of `items` does not matter; the same seed gives
    the same sample. The result is in file order.
    """
    by_database: dict[str, list[Item]] = defaultdict(list)
    for item in sorted(items, key=lambda item: item.index):
        by_database[item.db_id].append(item)
    rng = random.Random(seed)
    queues = [by_database[name] for name in sorted(by_database)]
    for queue in queues:
        rng.shuffle(queue)
    rounds = max((len(queue) for queue in queues), default=0)
    ordered = [queue[turn] for turn in range(rounds) for queue in queues if turn < len(queue)]
    return tuple(sorted(ordered[: max(n, 0)], key=lambda item: item.index))


def _items(data: Path, split: str) -> list[Item]:
    for name in _SPLITS[split]:
        path = data / name
        if path.is_dir():
            files = [file for file in sorted(path.glob("*.json")) if not file.stem.endswith(("_fewshot", "_test"))]
        else:
            files = [path] if path.is_file() else []
        if files:
            rows = [(file, row) for file in files for row in _rows(file)]
            return [_item(position, file, row) for position, (file, row) in enumerate(rows)]
    raise InputError(f"no {split} questions found", where=str(data), hint=f"looked for: {', '.join(_SPLITS[split])}")


def _rows(path: Path) -> list[Any]:
    try:
        text = path.read_text(encoding="utf-8")
        rows = [parse_json(line) for line in text.split("\n") if line.strip()] if path.suffix == ".jsonl" else None
        rows = parse_json(text) if rows is None else rows
    except (OSError, ValueError) as error:
        raise InputError(f"not a JSON file: {error}", where=str(path)) from error
    if not isinstance(rows, list):
        raise InputError("the file holds no JSON array of questions", where=str(path))
    return rows


def _item(index: int, path: Path, row: Any) -> Item:
    where = f"{path.name}, item {index}"
    if not isinstance(row, dict):
        raise InputError("an item is not a JSON object", where=where)
    question = next((row[field] for field in _QUESTION_FIELDS if isinstance(row.get(field), str)), None)
    gold = next((row[field] for field in _SQL_FIELDS if isinstance(row.get(field), str)), None)
    if question is None or gold is None or not isinstance(row.get("db_id"), str):
        raise InputError("an item lacks db_id, question or query as text", where=where)
    difficulty = row.get("difficulty", "")
    own = str(row.get("question_id", ""))
    return Item(index, row["db_id"], question, gold, str(row.get("evidence") or ""), str(difficulty), own)


def with_gold(benchmark: Benchmark, path: Path) -> Benchmark:
    """The set with the references of a gold file as the official scripts read it: "SQL<TAB>db_id" a line.

    Raises:
        InputError: The file cannot be read, a line has another form, or it does not have one line an item.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeError) as error:
        raise InputError(f"the references cannot be read: {error}", where=str(path)) from error
    pairs = [line.strip().split("\t") for line in lines if line.strip()]
    if len(pairs) != len(benchmark.items):
        raise InputError(f"{len(pairs)} references for {len(benchmark.items)} items", where=str(path))
    items = []
    for item, pair in zip(benchmark.items, pairs, strict=True):
        if len(pair) != 2 or pair[1] != item.db_id:
            raise InputError(f"line {item.index + 1} is not SQL, a tab and {item.db_id}", where=str(path))
        items.append(replace(item, gold=pair[0]))
    return replace(benchmark, items=tuple(items))


def _schema_files(folder: Path) -> list[Path]:
    return [folder / name for name in (*_SPIDER_TABLES, *_BIRD_TABLES) if (folder / name).is_file()]


def _schemas(folder: Path) -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    for names, read in ((_SPIDER_TABLES, schemas_from_spider), (_BIRD_TABLES, schemas_from_bird)):
        for name in names:
            if (folder / name).is_file():
                found.update(read(folder / name))
    return found


def _database(folder: Path, db_id: str) -> Path | None:
    for parent in _DATABASE_FOLDERS:
        for suffix in (".sqlite", ".db", ".sqlite3"):
            path = folder / parent / db_id / f"{db_id}{suffix}"
            if path.is_file():
                return path
    return None
