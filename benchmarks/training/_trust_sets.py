"""The questions and executed candidates that `trust_weights.py` learns from, as lines of JSON.

Kinds of questions: "own" (Spider train), "synonym" (Spider-Syn train), "reworded" (Spider train in other words, made
by `_rewording`), "few" (the same, answered by a sketch generator that saw ten databases only), "crossed" (asked of
another database), "offtopic" (small talk), "inserted" (with a condition that the schema knows nothing of), "foreign"
(for what only other databases have) and "variant" (the gold query and changed ones, as a chat model would give them,
without scores). Nothing answers the crossed, off-topic, inserted and foreign ones. The sketch generator that writes for
a question never saw its database: `train_sketches` makes one for each half.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.training._mutations import variants
from benchmarks.training._rewording import reword
from ctxprune.sql.database.database import Database, ResultSet
from ctxprune.sql.evaluation.sketch_training.examples import Example, execute, folds, read_examples
from ctxprune.sql.evaluation.sketch_training.fit_about import fit_about
from ctxprune.sql.evaluation.sketch_training.fitting import fit_rank, fit_slots
from ctxprune.sql.evaluation.sketch_training.train import judge
from ctxprune.sql.evaluation.spider import equal_results, order_matters, prepare_gold
from ctxprune.sql.generate.base import Candidate, Generator
from ctxprune.sql.generate.sketch.model import Model
from ctxprune.sql.linking.doubts import Doubt
from ctxprune.sql.pipeline.pipeline import Pipeline, PipelineConfig
from ctxprune.sql.pipeline.steps import Execute, State
from ctxprune.sql.schema.hits import RangeHit, ValueHit
from ctxprune.sql.schema.linked import Linked
from ctxprune.sql.schema.schema import ColumnRef, Schema
from ctxprune.sql.select.base import Executed, SelectionContext
from ctxprune.sql.values.index import ValueIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ctxprune.sql.evaluation.datasets import Benchmark, Item

HALVES, CANDIDATES, ROWS, VARIANTS = 2, 4, 200, 4
FEW = 10  # databases that the weak sketch generator is trained on
COUNTS = {
    "own": 1_000, "synonym": 500, "reworded": 400, "few": 250, "crossed": 120, "offtopic": 60, "inserted": 180,
    "foreign": 140, "variant": 250,
}  # fmt: skip
_PLACES = (
    "{0} for the {1} department", "{0} with the highest {1}", "{0} without any {1}", "{0} that are {2}",
    "{0} and are {2}", "{0} by {1}", "{0} in the {1} category",
)  # fmt: skip
_TARGETS = (
    "What is the {0} of each {1}?", "Show the {0} of all {1}s.", "Which {1} has the highest {0}?",
    "What is the average {0} of the {1}s?", "List the {0} and the {2} of every {1}.", "How many {1}s have a {0}?",
)  # fmt: skip
_SAID_OF = (
    "certified", "discontinued", "overdue", "refurbished", "vegetarian", "tax-exempt", "waterproof", "bilingual",
    "accredited", "solar-powered", "handmade", "encrypted",
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """One question of one database; `gold` is "" where nothing answers it."""

    kind: str
    number: int
    db_id: str
    question: str
    gold: str = ""


@dataclass(frozen=True)
class TrustSet:
    """One question with its executed candidates, and which of them are right."""

    kind: str
    context: SelectionContext
    executed: tuple[Executed, ...]
    right: tuple[bool, ...]
    hollow: bool


@dataclass(frozen=True)
class Sketches:
    """Weights of sketch generators.

    Attributes:
        halves: By database, those of a generator that never saw it.
        few: Those of a generator that saw `FEW` databases.
        seen: The names of these.
    """

    halves: dict[str, Path]
    few: Path
    seen: frozenset[str]


def train_sketches(spider: Benchmark, data: Path, folder: Path) -> Sketches:
    """Train the generators whose files are not in `folder`."""
    items: Sequence[Any] = spider.items  # of examples and items alike, `folds` reads the names of databases alone
    half = folds(items, HALVES, 0)
    parts = folds(items, len(half) // FEW, 2)
    few, seen = folder / "sketch-few.npz", frozenset(name for name, part in parts.items() if part == 0)
    paths = [folder / f"sketch-not{place}.npz" for place in range(HALVES)]
    wanted = {path: {name for name in half if half[name] != place} for place, path in enumerate(paths)} | {few: seen}
    missing = {path: names for path, names in wanted.items() if not path.exists()}
    examples = read_examples(data) if missing else []  # slow: every database is indexed
    for path, names in missing.items():
        _train_sketch([example for example in examples if example.db_id in names], path)
    return Sketches({name: paths[place] for name, place in half.items()}, few, seen)


def _train_sketch(mine: Sequence[Example], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    inner = folds(mine, 2, 1)
    judged = []
    for part in range(2):
        model = fit_slots([one for one in mine if inner[one.db_id] != part], 0)
        judged += judge(model, [one for one in mine if inner[one.db_id] == part])
    model = fit_slots(mine, 0)
    nets = {**model.nets, "about": fit_about(model, mine, 0), "rank": fit_rank(judged, 0)}
    path.write_bytes(Model(nets, model.templates, model.selects, model.skeletons, model.cues, model.related).save())


def choose_questions(
    spider: Benchmark, synonyms: Benchmark, offtopic: Sequence[str], few: frozenset[str]
) -> list[Asked]:
    """The questions, in an order in which every part of the list has all kinds and databases.

    Args:
        spider, synonyms: Training questions.
        offtopic: Lines that no database answers.
        few: Databases that the weak sketch generator saw.
    """
    rng = random.Random(0)
    own = rng.sample(spider.present, len(spider.present))
    names = sorted({item.db_id for item in own})
    nouns = {name: _nouns(spider.schemas[name]) for name in names}
    asked = [Asked("own", i.index, i.db_id, i.question, i.gold) for i in own[: COUNTS["own"]]]
    asked += [Asked("variant", i.index, i.db_id, i.question, i.gold) for i in own[-COUNTS["variant"] :]]
    said = rng.sample(synonyms.present, min(COUNTS["synonym"], len(synonyms.present)))
    asked += [Asked("synonym", i.index, i.db_id, i.question, i.gold) for i in said]
    asked += list(_crossed(own[COUNTS["own"] :], nouns, rng))
    # Of the end of the list, so that the words of no question of "own" come a second time.
    others = own[COUNTS["own"] :]
    asked += [_reworded("reworded", item) for item in others[: COUNTS["reworded"]]]
    unseen = [item for item in others[COUNTS["reworded"] :] if item.db_id not in few]
    asked += [_reworded("few", item) for item in unseen[: COUNTS["few"]]]
    asked += [
        Asked("offtopic", number, rng.choice(names), rng.choice(offtopic)) for number in range(COUNTS["offtopic"])
    ]
    asked += [_inserted(item, nouns, rng) for item in own[-COUNTS["inserted"] :]]
    asked += [_foreign(number, rng.choice(names), spider, nouns) for number in range(COUNTS["foreign"])]
    rng.shuffle(asked)
    return asked


def _reworded(kind: str, item: Item) -> Asked:
    return Asked(kind, item.index, item.db_id, reword(item.question, random.Random(item.index)), item.gold)


def _nouns(schema: Schema) -> frozenset[str]:
    from ctxprune.text.words import split_identifier

    names = [table.name for table in schema.tables] + [ref.column for ref in schema.refs()]
    return frozenset(word for name in names for word in split_identifier(name) if len(word) > 3 and word.isalpha())


def _crossed(items: Sequence[Item], nouns: dict[str, frozenset[str]], rng: random.Random) -> Iterator[Asked]:
    """Questions whose tables have no word in common with the names of the database that they are asked of."""
    made = 0
    for item in items:
        name = rng.choice(sorted(nouns))
        words = {word.strip("?.,").casefold().rstrip("s") for word in item.question.split()}
        if any(word.rstrip("s") in words for word in nouns[name]):
            continue
        made += 1
        yield Asked("crossed", item.index, name, item.question)
        if made == COUNTS["crossed"]:
            return


def _inserted(item: Item, nouns: dict[str, frozenset[str]], rng: random.Random) -> Asked:
    other = sorted(nouns[rng.choice(sorted(nouns))] - nouns[item.db_id]) or ["harvest"]
    text, mark = item.question.rstrip(" ?."), item.question.strip()[-1:]
    text = rng.choice(_PLACES).format(text, rng.choice(other), rng.choice(_SAID_OF))
    return Asked("inserted", item.index, item.db_id, text + (mark if mark in "?." else ""))


def _foreign(number: int, name: str, spider: Benchmark, nouns: dict[str, frozenset[str]]) -> Asked:
    """A question for something that other databases have of their things, and this one has not."""
    rng = random.Random(number)
    table = rng.choice(spider.schemas[name].tables).name.replace("_", " ").lower().removesuffix("s")
    other = sorted(nouns[rng.choice(sorted(nouns))] - nouns[name]) or ["harvest"]
    text = rng.choice(_TARGETS).format(rng.choice(other), table, rng.choice(other))
    return Asked("foreign", number, name, text)


def write_sets(
    asked: Sequence[Asked], spider: Benchmark, writers: Callable[[Asked], tuple[Generator, ...]], folder: Path
) -> None:
    """Append what is missing to one file a database, so that a run that was stopped goes on.

    Args:
        asked: The questions.
        spider: Where the databases are.
        writers: The generators that answer a question; the same tuple where they are the same.
        folder: For the files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    by_name: dict[str, list[Asked]] = defaultdict(list)
    for one in asked:
        by_name[one.db_id].append(one)
    for name, here in sorted(by_name.items()):
        path = folder / f"{name}.jsonl"
        done = set()
        if path.exists():
            done = {tuple(json.loads(line)["key"]) for line in path.read_text(encoding="utf-8").splitlines()}
        missing = [one for one in here if (one.kind, one.number) not in done]
        if not missing:
            continue
        with Database(spider.databases[name], isolated=False) as database, path.open("a", encoding="utf-8") as file:
            values = ValueIndex.build(database)
            config = PipelineConfig(candidates=CANDIDATES)
            pipelines: dict[int, Pipeline] = {}
            for one in missing:
                mine = writers(one)
                if id(mine) not in pipelines:
                    pipelines[id(mine)] = Pipeline(database, generators=mine, values=values, config=config)
                line = _record(one, pipelines[id(mine)], spider.databases[name])
                if line is not None:
                    file.write(json.dumps(line, separators=(",", ":")) + "\n")
                    file.flush()


def _record(asked: Asked, pipeline: Pipeline, path: Path) -> dict[str, Any] | None:
    gold = execute(path, [prepare_gold(asked.gold)])[0] if asked.gold else None
    if asked.gold and gold is None:
        return None
    state = _run(asked, pipeline)
    if state.linked is None:
        return None
    sqls = [one.sql for one in state.executed]
    rows = execute(path, [prepare_gold(sql) if sql else "?" for sql in sqls])
    ordered = order_matters(asked.gold)
    right = [
        gold is not None and one.result is not None and got is not None and equal_results(gold, got, ordered=ordered)
        for one, got in zip(state.executed, rows, strict=True)
    ]
    return {
        "key": [asked.kind, asked.number],
        "question": asked.question,
        "hollow": gold is not None and all(cell is None for row in gold for cell in row),
        "candidates": [_candidate(one) for one in state.executed],
        "right": right,
        "hits": [asdict(hit) for hit in state.hits],
        "ranges": [asdict(hit) for hit in state.ranges],
        "doubts": [asdict(doubt) for doubt in state.doubts],
        "links": [[*ref, round(score, 4)] for ref, score in state.linked.scores.items()],
        "tables": {name: round(score, 4) for name, score in state.linked.table_scores.items()},
    }


def _run(asked: Asked, pipeline: Pipeline) -> State:
    state = State(asked.question, pipeline.schema)
    for step in pipeline.steps:
        if step.name == "generate" and asked.kind == "variant":
            rng = random.Random(asked.number)
            texts = [asked.gold, *variants(asked.gold, state.schema, rng, VARIANTS)]
            rng.shuffle(texts)
            made = tuple(Candidate(text, "chat.v1", "linked+values") for text in texts)
            state = State(**{**_fields(state), "candidates": made})
        else:
            state = step.run(state)
        if isinstance(step, Execute) or state.refusal is not None:
            return state
    return state


def _fields(state: State) -> dict[str, Any]:
    return {name: getattr(state, name) for name in State.__dataclass_fields__}


def _candidate(one: Executed) -> dict[str, Any]:
    made, result = one.candidate, one.result
    rows = None if result is None else [[_cell(cell) for cell in row] for row in result.rows[:ROWS]]
    return {
        "sql": one.sql or made.sql, "generator": made.generator, "path": made.path, "score": made.score,
        "error": one.error, "repaired": bool(one.repairs), "columns": [] if result is None else list(result.columns),
        "rows": rows, "notes": list(made.notes),
    }  # fmt: skip


def _cell(cell: object) -> object:
    return cell.hex() if isinstance(cell, bytes) else cell[:100] if isinstance(cell, str) else cell


def read_sets(
    path: Path, schema: Schema, samples: Mapping[ColumnRef, tuple[object, ...]] | None = None
) -> Iterator[TrustSet]:
    """The sets of one database's file; `samples` are stored values, as the pipeline reads them."""
    for line in path.read_text(encoding="utf-8").splitlines():
        data = json.loads(line)
        scores = {ColumnRef(table, column): score for table, column, score in data["links"]}
        hits = tuple(
            ValueHit(**{**hit, "ref": ColumnRef(*hit["ref"]), "span": tuple(hit["span"])}) for hit in data["hits"]
        )
        context = SelectionContext(
            data["question"],
            schema,
            hits=hits,
            ranges=tuple(
                RangeHit(**{**hit, "ref": ColumnRef(*hit["ref"]), "span": tuple(hit["span"])}) for hit in data["ranges"]
            ),
            linked=Linked(schema, schema, scores, data["tables"], hits=hits),
            doubts=tuple(Doubt(**{**doubt, "span": tuple(doubt["span"])}) for doubt in data["doubts"]),
            samples=samples or {},
        )
        executed = tuple(map(_executed, data["candidates"]))
        yield TrustSet(data["key"][0], context, executed, tuple(data["right"]), data["hollow"])


def _executed(data: dict[str, Any]) -> Executed:
    made = Candidate(data["sql"], data["generator"], data["path"], data["score"], notes=tuple(data["notes"]))
    result = None
    if data["rows"] is not None:
        result = ResultSet(tuple(data["columns"]), tuple(map(tuple, data["rows"])))
    return Executed(made, data["sql"], result, data["error"], repairs=(data["sql"],) if data["repaired"] else ())
