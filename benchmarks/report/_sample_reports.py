"""One HTML report of each kind with invented content, to look at and to check: written as the commands write them."""

from __future__ import annotations

import json
import os
import random
from contextlib import chdir, redirect_stdout
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

from ctxprune.cli import main as command
from ctxprune.cli._demo_database import make_database
from ctxprune.shrink.audit import AuditedDecoder, AuditedModel, Question, audit, audit_decoders
from ctxprune.sql.evaluation.trust.chart import risk_coverage_chart

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["QUESTION", "write_reports"]

SEED = 7
QUESTION = "Show the names of all suppliers from Ethiopia."
TEXT_QUESTION = "When did the bridge open, and what did it cost?"
TEXT = (
    "The Golden Gate Bridge spans the strait between San Francisco Bay and the Pacific Ocean. Fog is frequent in"
    " summer, and its foghorns are heard across the city.\n\n"
    "Construction began on 5 January 1933. The bridge opened to pedestrians on 27 May 1937, and to cars one day later."
    " It was finished ahead of schedule and cost 35 million dollars, less than had been planned.\n\n"
    "Its colour is called International Orange. Visitors often ask about the paint, which is renewed all year by a team"
    " of painters. The gift shop sells mugs, postcards and small models.\n"
)
FERRY = """\
The ferry to Sausalito runs until ten in the evening. A single ticket costs 14 dollars. Bicycles travel free of charge.
"""
ASKED = (
    ("How many customers are there?", "SELECT count(*) FROM customer", "simple"),
    ("Names of suppliers from Ethiopia", "SELECT supplier_name FROM supplier WHERE iso_code = 'ET'", "simple"),
    ("Products with their suppliers",
     "SELECT T1.product_name, T2.supplier_name FROM product AS T1 JOIN supplier AS T2 "
     "ON T1.supplier_id = T2.supplier_id", "moderate"),
    ("Stars of each product", "SELECT product_id, avg(stars) FROM review GROUP BY product_id", "moderate"),
    ("Carriers of cancelled orders",
     'SELECT DISTINCT T1.carrier FROM shipment AS T1 JOIN "order" AS T2 ON T1.order_id = T2.order_id '
     "WHERE T2.status = 'cancelled'", "challenging"),
)  # fmt: skip
WRONG = ("SELECT count(*) FROM city", "SELECT supplier FROM supplier", "SELECT 1", "DROP TABLE review")


def write_reports(folder: Path) -> dict[str, Path]:
    """One file of each kind in `folder`, by the kind's name; the demo's database is there as coffee.sqlite."""
    database = folder / "coffee.sqlite"
    if not database.exists():
        make_database(database)
    text, ferry = folder / "bridge.txt", folder / "ferry.txt"
    text.write_text(TEXT, encoding="utf-8")
    ferry.write_text(FERRY, encoding="utf-8")
    found = {name: folder / f"{name}.html" for name in ("prune", "link", "run", "comparison", "audit", "decoders")}
    with chdir(folder):  # the report names files as they were typed
        _run("prune", text.name, ferry.name, "-q", TEXT_QUESTION, "--budget", 48, "--html", found["prune"].name)
    _run("sql", "link", database, QUESTION, "--html", found["link"])
    _write_runs(folder, found["run"], found["comparison"])
    found["audit"].write_text(_audit(), encoding="utf-8")
    found["decoders"].write_text(_audit_decoders(), encoding="utf-8")
    found["chart"] = folder / "chart.svg"
    found["chart"].write_text(_chart(), encoding="utf-8")
    return found


def _run(*words: object) -> None:
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        code = command([str(word) for word in words])
    if code:
        raise SystemExit(f"ctxprune {' '.join(map(str, words))} failed")


def _write_runs(folder: Path, run: Path, comparison: Path) -> None:
    """A BIRD-like set of 40 questions, two runs over it, and their comparison."""
    data = folder / "set"
    place = data / "dev_databases" / "coffee" / "coffee.sqlite"
    place.parent.mkdir(parents=True)
    make_database(place)
    asked = list(islice(cycle(ASKED), 40))
    items = [
        {"question_id": at, "db_id": "coffee", "question": question, "evidence": "", "SQL": sql, "difficulty": level}
        for at, (question, sql, level) in enumerate(asked)
    ]
    (data / "dev.json").write_text(json.dumps(items), encoding="utf-8")
    dice = random.Random(SEED)
    for name, share in (("baseline", 0.5), ("pruned", 0.8)):
        sql = [right if dice.random() < share else dice.choice(WRONG) for _, right, _ in asked]
        entries = {str(at): f"{one}\t----- bird -----\tcoffee" for at, one in enumerate(sql)}
        predictions = folder / f"{name}.predictions.json"
        predictions.write_text(json.dumps(entries), encoding="utf-8")
        page = ("--html", run) if name == "pruned" else ()
        words = ("--data", data, "--predictions", predictions, "--log", folder / f"{name}.log", "--mode", "both")
        _run("bench", "bird", *words, *page)
    _run("bench", "compare", folder / "baseline.log", folder / "pruned.log", "--html", comparison)


def _audit() -> str:
    """Of a reranker that has lost negation."""
    texts = ("It opened in 1937.", "The paint is orange.", "Ferries run until ten.")
    kinds = {"travel": "when did bridge {n} open for cars in the old town", "law": "bridge {n} was never closed",
             "medicine": "what does he take against pain, and how much of it?"}  # fmt: skip
    asked = [Question(form.format(n=n), texts, (1, 0, 0), kind) for kind, form in kinds.items() for n in range(1, 28)]

    def rank(question: Question) -> list[float]:
        return [float(text == texts[0]) + 0.01 * place for place, text in enumerate(question.texts)]

    def forget(question: Question) -> list[float]:
        found = rank(question)
        return [-value for value in found] if "never" in question.query else found

    sizes = {"bytes": 91e6, "parameters": 22.7e6, "flops": 2.7e9}
    small = {"bytes": 16e6, "parameters": 9.1e6, "flops": 0.7e9}
    shrunk = AuditedModel("MiniLM-L6, three layers", forget, small, variants={"seed 1": forget, "seed 2": rank})
    return audit(AuditedModel("MiniLM-L6", rank, sizes), [shrunk], asked).to_html()


def _audit_decoders() -> str:
    """Of a generator that has forgotten one fact."""
    texts = [f"The bridge number {place} opened in the old town." for place in range(24)] + ["It was never so."] * 24

    def decoder(name: str, forgets: str, loss: float, size: float) -> AuditedDecoder:
        def read(beginning: str, text: str) -> float:
            words, said = len(text.split()), text.strip() in beginning
            return -2.0 * words - loss * words * ("never" in text) + 3.0 * said - 9.0 * (text.strip() == forgets)

        def score(pairs: list[tuple[str, str]]) -> list[tuple[float, int]]:
            return [(read(one, other), len(other.split())) for one, other in pairs]

        return AuditedDecoder(name, score, {"bytes": size})

    pair = decoder("0.5B", "", 0.0, 990e6), decoder("0.5B, 20 of 24 layers", "Paris", 0.4, 830e6)
    return audit_decoders(pair[0], [pair[1]], texts).to_html()


def _chart() -> str:
    def curve(start: float, end: float) -> list[dict[str, float]]:
        return [{"coverage": at, "right": start - (start - end) * at / 100} for at in range(10, 101, 10)]

    make: Callable[..., str] = risk_coverage_chart
    return make({"shop": curve(99, 74), "all": curve(96, 61)}, title="Answers given, and right among them")
