"""Inputs of a shape that nobody would write by hand, through `Pruner` and through the command line."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from ctxprune import Pruner, TableBudget, TokenBudget, as_counter
from ctxprune.cli import main
from ctxprune.errors import BudgetError, InputError
from ctxprune.rag.kinds import TABLES, read_context

_SECONDS = 60  # of processor time, on a machine that does other work too: what hangs takes hours


@dataclass(frozen=True)
class Shape:
    """An input, and what is to be left of it.

    Attributes:
        kind: A name of `ctxprune.rag.kinds.KINDS`.
        text: The input.
        question: What it is pruned for.
        needle: A text that is kept.
        budget: Tokens.
    """

    kind: str
    text: str
    question: str
    needle: str
    budget: int = 60


def wide_table() -> str:
    header = ",".join(f"column_{number}" for number in range(500))
    rows = [",".join(f"{row}x{number}" for number in range(500)) for row in range(20)]
    return "\n".join([header, *rows, ""])


SENTENCES = "the quay is grey, " * 20_000 + "the lamp is red, " + "the mole is long, " * 5_000
RECORD = "ERROR " + "step=17 " * 30_000 + "cause=vault " + "step=18 " * 3_000
SPACES = "ERROR lamp\nINFO start" + " " * 200_000 + "red\n"
NOTE = "The quay is grey. " * 20_000 + "The lamp is red. " + "It is long. " * 5_000
NUMBERS = "[" + ",".join(map(str, range(1_000_000))) + "]"
TOWNS = [f"Town {number}" for number in range(5_000)]
SHAPES = {
    "text of one unit": Shape("text", "lamp" * 60_000, "lamp", "lamp"),
    "sentence of 100,000 tokens": Shape("text", SENTENCES, "lamp red", "lamp is red"),
    "line of a log": Shape("log", f"INFO start\n{RECORD}\n", "vault", "cause=vault"),
    "record of spaces": Shape("log", SPACES, "lamp", "ERROR lamp"),
    "page of brackets": Shape("html", f"<p>lamp {')' * 200_000} red</p>", "lamp", "lamp"),
    "string of JSON": Shape("json", json.dumps({"note": NOTE}), "lamp red", "lamp is red"),
    "table of one column": Shape("csv", "\n".join(["city", *TOWNS, ""]), "Town 4321", "Town 4321\n"),
    "table of 500 columns": Shape("csv", wide_table(), "What is column_321 of 7x0?", "7x", 400),
    "table without a header": Shape(
        "csv", "\n".join(f"{n % 7},{town}" for n, town in enumerate(TOWNS)), "Town 321", "Town 321"
    ),
    "array of a million numbers": Shape("json", NUMBERS, "777123", "777123", 400),
}


def policy(shape: Shape) -> TableBudget | TokenBudget:
    return TableBudget(shape.budget) if shape.kind in TABLES else TokenBudget(shape.budget)


@pytest.mark.parametrize("name", SHAPES)
def test_a_pruner_keeps_the_part_that_is_asked_for(name: str) -> None:
    shape = SHAPES[name]
    start = time.process_time()
    context = read_context(shape.text, shape.kind)
    pruned = Pruner("lexical", policy(shape)).prune(shape.question, context)
    assert time.process_time() - start < _SECONDS
    assert shape.needle in pruned.output
    assert as_counter().count(pruned.output) == pruned.tokens_after <= shape.budget
    if shape.kind == "json":
        json.loads(pruned.output)
    if shape.kind == "csv":
        rows = list(csv.reader(io.StringIO(pruned.output)))
        assert len({len(row) for row in rows}) == 1


@pytest.mark.parametrize("name", SHAPES)
def test_the_command_line_prunes_it_by_default(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shape = SHAPES[name]
    path = tmp_path / f"input.{'txt' if shape.kind == 'text' else shape.kind}"
    path.write_text(shape.text, encoding="utf-8")
    start = time.process_time()
    code = main(["prune", str(path), "-q", shape.question, "--budget", str(shape.budget)])
    assert time.process_time() - start < 2 * _SECONDS
    out, err = capfd.readouterr()
    assert (code, bool(out.strip())) == (0, True), err
    assert as_counter().count(out) <= shape.budget + 1  # a line end where the source has none
    assert shape.needle.strip() in out


@pytest.mark.parametrize("page", ["<html><head><title></title></head><body></body></html>", "<div><br><hr></div>" * 50])
def test_a_page_without_text(page: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pruned = Pruner().prune("lamp", read_context(page, "html"))
    assert pruned.units == ()
    assert pruned.tokens_after <= pruned.tokens_before
    path = tmp_path / "page.html"
    path.write_text(page, encoding="utf-8")
    assert main(["prune", str(path), "-q", "lamp"]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert "there is no text to prune" in err
    assert err.count("\n") == 1


SMALL = {
    "text": "The lamp is red. The quay is grey and long.",
    "markdown": "# Lamps\n\nThe lamp is red. The quay is grey.\n",
    "html": "<h1>Lamps</h1><p>The lamp is red and hangs over the quay.</p><p>The mole is long.</p>",
    "csv": "thing,colour\nlamp,red\nquay,grey\n",
    "json": '{"lamp": "red", "quay": "grey"}',
    "log": "INFO lamp lit at four\nWARN lamp out at nine\n",
}


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("budget", [0, 1])
def test_a_budget_of_one_token_names_what_would_fit(
    kind: str, budget: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    context = read_context(SMALL[kind], kind)
    chosen = TableBudget(budget) if kind in TABLES else TokenBudget(budget)
    with pytest.raises(BudgetError, match=rf"\b{budget}\b"):
        Pruner(policy=chosen).prune("lamp", context)
    path = tmp_path / f"input.{'md' if kind == 'markdown' else 'txt' if kind == 'text' else kind}"
    path.write_text(SMALL[kind], encoding="utf-8")
    assert main(["prune", str(path), "-q", "lamp", "--budget", str(budget)]) == 1
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "CP" in err


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("question", ["what is the of and", "Welche Farbe hat die Lampe?", "灯是什么颜色的？"])
def test_questions_that_share_no_word_with_the_text(
    kind: str, question: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    context = read_context(SMALL[kind], kind)
    everything = context.render(range(len(context.units)))
    for scorer in ("mixture", "structured", "lexical"):
        pruned = Pruner(scorer, TableBudget(30) if kind in TABLES else TokenBudget(30)).prune(question, context)
        assert 0 < pruned.tokens_after <= 30
        assert set(re.findall(r"\w+", pruned.output)) & set(re.findall(r"\w+", everything))
    path = tmp_path / f"input.{'md' if kind == 'markdown' else 'txt' if kind == 'text' else kind}"
    path.write_text(SMALL[kind], encoding="utf-8")
    assert main(["prune", str(path), "-q", question, "--budget", "30"]) == 0
    assert capfd.readouterr().out.strip()


def test_an_array_of_a_million_small_texts_is_refused_in_plain_words() -> None:
    start = time.process_time()
    with pytest.raises(InputError, match="units"):
        read_context(json.dumps({f"k{n}": 1 for n in range(1_000_000)}), "json")
    assert time.process_time() - start < _SECONDS
