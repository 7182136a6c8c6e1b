"""Groups to learn from: one question with queries in words, of which some are right."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import random
from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp

from ctxprune.errors import InputError

from ...trust.cross_encoder.words import describe_query
from ..datasets import load
from .additions import add_condition
from .mutations import Pool, mutate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ...schema.schema import Schema

__all__ = ["Group", "left_out", "read_groups", "spider_groups", "text2sql_groups", "wikisql_groups", "write_groups"]

_OTHERS = 3  # right queries of other questions on the database: they look like right ones, whatever is asked
_MUTATED, _OFFERED = 10, 24  # most wrong queries of a kind that a group holds; an epoch draws some of them


@dataclass(frozen=True)
class Group:
    """One question with queries.

    Attributes:
        source: Which set it comes from, with "+" after it where a condition was added.
        database: Its name there; splits are by it.
        question: As it was asked.
        queries: In words, each text once.
        right: Which of them are what was asked.
        origin: Of each "gold", "mutated", "offered" (by the sketch generator) or "other" (what another question asks).
        logits: The generator's own score of each; 0.0 for those it did not offer.
    """

    source: str
    database: str
    question: str
    queries: tuple[str, ...]
    right: tuple[bool, ...]
    origin: tuple[str, ...]
    logits: tuple[float, ...]


def left_out(database: str) -> bool:
    """Whether a database of Spider's training part is kept for choosing: one in five, by its name's sha256."""
    return int(hashlib.sha256(database.encode()).hexdigest(), 16) % 5 == 0


def write_groups(groups: Sequence[Group], path: Path) -> None:
    """A JSON line a group."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(group), ensure_ascii=False) + "\n" for group in groups)


def read_groups(path: Path) -> list[Group]:
    """What `write_groups` wrote."""
    with path.open(encoding="utf-8") as file:
        return [_group(row) for row in map(json.loads, file)]


def _group(row: dict[str, Any]) -> Group:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    return Group(**values)


def spider_groups(
    spider: Path, synonyms: Path | None, candidates: Mapping[int, Mapping[str, Any]], *, seed: int = 0
) -> Iterator[Group]:
    """Spider's training questions with gold, mutated and offered queries.

    A question comes again in Spider-Syn's wording where `synonyms` names that set's folder, and one in two of those
    whose query reads one table comes again with one more condition.

    Args:
        spider: Folder of Spider.
        synonyms: Folder of Spider-Syn.
        candidates: As `candidates.read_candidates` gives them.

    Raises:
        InputError: A folder cannot be read.
    """
    bench = load(spider, split="train")
    other = _synonyms(synonyms) if synonyms is not None else {}
    trees = {item.index: tree for item in bench.items if (tree := _parse(item.gold, bench.schemas[item.db_id]))}
    pools: dict[str, Pool] = {}
    for item in bench.items:
        if item.index in trees:
            schema = bench.schemas[item.db_id]
            pools.setdefault(item.db_id, Pool(_columns(schema))).learn(trees[item.index])
    near: dict[str, list[exp.Expr]] = defaultdict(list)
    for item in bench.items:
        if item.index in trees:
            near[item.db_id].append(trees[item.index])
    for item in bench.items:
        tree = trees.get(item.index)
        if tree is None:
            continue
        rng, pool = random.Random(f"{seed} {item.index}"), pools[item.db_id]
        maker = _Maker(describe_query(tree))
        maker.offer(candidates.get(item.index), bench.schemas[item.db_id])
        maker.mutate(mutate(tree, pool, rng, _MUTATED))
        maker.others(rng.sample(near[item.db_id], min(_OTHERS, len(near[item.db_id]))))
        yield maker.group("spider", item.db_id, item.question)
        if (said := other.get((item.db_id, item.question))) and said != item.question:
            yield maker.group("spider_syn", item.db_id, said)
        source = tree.args.get("from_")
        if source is not None and rng.random() < 0.5:
            added = add_condition(item.question, tree, pool.columns.get(source.this.name.lower(), ()), rng)
            if added is not None:
                more = _Maker(describe_query(added.right))
                more.mutate([*added.wrong, *mutate(added.right, pool, rng, 3)])
                yield more.group("spider+", item.db_id, added.question)


def wikisql_groups(folder: Path, count: int, *, seed: int = 0) -> Iterator[Group]:
    """Questions of WikiSQL's training part, `count` of them at most, with mutated queries.

    Raises:
        InputError: The file cannot be read.
    """
    rows = _lines(folder / "train.jsonl.gz")
    pools: dict[str, Pool] = {}
    chosen = random.Random(seed).sample(rows, min(count, len(rows)))
    wanted = {row["table_id"] for row in chosen}
    for row in rows:
        if row["table_id"] in wanted:
            table = row["table_id"].lower()
            pool = pools.setdefault(table, Pool({table: sorted(row["columns"])}))
            pool.learn(sqlglot.parse_one(row["sql"], read="sqlite"))
    for row in chosen:
        tree, table = sqlglot.parse_one(row["sql"], read="sqlite"), row["table_id"].lower()
        rng, question = random.Random(f"{seed} {row['question']}"), row["question"]
        if rng.random() < 0.3 and (added := add_condition(question, tree, row["columns"], rng)):
            maker = _Maker(_tableless(added.right))
            maker.mutate([*added.wrong, *mutate(added.right, pools[table], rng, 3)], _tableless)
            yield maker.group("wikisql+", table, added.question)
        else:
            maker = _Maker(_tableless(tree))
            maker.mutate(mutate(tree, pools[table], rng, 6), _tableless)
            yield maker.group("wikisql", table, question)


def text2sql_groups(folder: Path, name: str, count: int, *, seed: int = 0) -> Iterator[Group]:
    """Questions of a set of text2sql-data, `count` at most, with mutated queries.

    Raises:
        InputError: A file cannot be read.
    """
    columns: dict[str, list[str]] = defaultdict(list)
    try:
        with (folder / f"{name}-schema.csv").open(encoding="utf-8") as file:
            for row in list(csv.reader(file))[1:]:
                if len(row) > 1 and row[0].strip(" -"):
                    columns[row[0].strip().lower()].append(row[1].strip().lower())
    except OSError as error:
        raise InputError("the schema cannot be read", where=f"{name}-schema.csv") from error
    pool = Pool(dict(columns))
    rows = [row for row in _lines(folder / f"{name}.jsonl.gz") if row.get("split") != "exclude"]
    found = []
    for row in random.Random(seed).sample(rows, min(count, len(rows))):
        try:
            tree = sqlglot.parse_one(row["sql"], read="mysql")
        except sqlglot.errors.SqlglotError:
            continue
        pool.learn(tree)
        found.append((row["question"].replace(" ?", "?").replace(" ,", ","), tree))
    for question, tree in found:
        maker, rng = _Maker(describe_query(tree)), random.Random(f"{seed} {question}")
        maker.mutate(mutate(tree, pool, rng, 6))
        maker.others([one for _, one in rng.sample(found, min(_OTHERS, len(found)))])
        yield maker.group(name, name, question)


class _Maker:
    """Collects the queries of one question, each text once; the first text is right."""

    def __init__(self, gold: str) -> None:
        self.texts: dict[str, tuple[bool, str, float]] = {gold: (True, "gold", 0.0)}

    def mutate(self, trees: Sequence[exp.Expr], describe: Any = describe_query) -> None:
        for tree in trees:
            self.texts.setdefault(describe(tree), (False, "mutated", 0.0))

    def others(self, trees: Sequence[exp.Expr]) -> None:
        for tree in trees:
            self.texts.setdefault(describe_query(tree), (False, "other", 0.0))

    def offer(self, row: Mapping[str, Any] | None, schema: Schema) -> None:
        """Candidates of the generator, the likeliest first; one that is right only since both are empty is none."""
        if row is None:
            return
        gold = next(iter(self.texts))
        order = sorted(range(len(row["sql"])), key=lambda place: -row["logit"][place])
        for place in order[:_OFFERED]:
            tree = _parse(row["sql"][place], schema)
            if tree is None:
                continue
            text, right = describe_query(tree), row["right"][place]
            if text == gold:
                self.texts[text] = (True, "offered", row["logit"][place])
            elif not (right and row["empty"][place]):
                self.texts.setdefault(text, (right, "offered", row["logit"][place]))

    def group(self, source: str, database: str, question: str) -> Group:
        right, origin, logits = zip(*self.texts.values(), strict=True)
        return Group(source, database, question, tuple(self.texts), right, origin, logits)


def _parse(sql: str, schema: Schema) -> exp.Expr | None:
    """The tree; double-quoted texts that name no column are strings, as SQLite takes them. None if it is no query."""
    try:
        tree = sqlglot.parse_one(sql, read="sqlite")
    except sqlglot.errors.SqlglotError:
        return None
    names = {column.column.lower() for column in schema.refs()}
    for column in list(tree.find_all(exp.Column)):
        if column.this.args.get("quoted") and not column.table and column.name.lower() not in names:
            column.replace(exp.Literal.string(column.name))
    return tree if isinstance(tree, exp.Query) else None


def _columns(schema: Schema) -> dict[str, list[str]]:
    return {table.name.lower(): [column.name.lower() for column in table.columns] for table in schema.tables}


def _tableless(tree: exp.Expr) -> str:
    """WikiSQL's tables have numbers for names."""
    return describe_query(tree).partition(": ")[2]


def _synonyms(folder: Path) -> dict[tuple[str, str], str]:
    try:
        rows = json.loads((folder / "train_spider.json").read_text(encoding="utf-8"))
        return {(row["db_id"], row["SpiderQuestion"]): row["SpiderSynQuestion"] for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError("the questions cannot be read", where=str(folder)) from error


def _lines(path: Path) -> list[Any]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return [json.loads(line) for line in file]
    except (OSError, ValueError) as error:
        raise InputError("the questions cannot be read", where=str(path)) from error
