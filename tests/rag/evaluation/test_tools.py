"""Whether the tool that a question needs is kept, on a set made here."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ctxprune.cli import main
from ctxprune.errors import InputError, UsageError
from ctxprune.rag.evaluation.tools import (
    PlainBm25,
    ToolQuestion,
    ToolSet,
    ToolTrial,
    draw_tools,
    load_tool_set,
    measure,
)
from ctxprune.scorers import SCORERS

VERBS, THINGS = ("create", "delete", "describe"), ("cluster", "bucket", "queue", "user", "role", "key")


def tool(group: str, verb: str, thing: str) -> dict[str, Any]:
    name, said = f"{group}_{verb}_{thing}", f"{verb.title()}s one {thing}."
    inner = {"name": name, "description": said, "input_schema": {"type": "object"}}
    return {"id": name.replace("_", "."), "group": group, "tool": inner}


TOOLS = [tool(group, verb, thing) for group in ("cloud", "house") for verb in VERBS for thing in THINGS]
QUESTIONS: list[dict[str, Any]] = [
    {"question": "remove the queue of the cloud", "needed": "cloud.delete.queue", "group": "cloud", "split": "tune"},
    {"question": "add a key to the house", "needed": ["house.create.key", "cloud.create.key"], "group": "house"},
    {"question": "zebra", "needed": "house.create.user", "group": "house"},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, rows in (("tools", TOOLS), ("questions", QUESTIONS)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return tmp_path


class Needed:
    """Knows what is needed."""

    def score(self, query: str, context: Any) -> Any:
        names = {row["question"]: row["needed"] for row in QUESTIONS}[query]
        wanted = {name.replace(".", "_") for name in ([names] if isinstance(names, str) else names)}
        return np.asarray([float(name in wanted) for name in context.names], dtype=np.float32)


def test_figures(folder: Path) -> None:
    tools = load_tool_set(folder)
    assert (len(tools.tools), {name: len(ids) for name, ids in tools.groups.items()}) == (
        36,
        {"cloud": 18, "house": 18},
    )
    best = measure(tools, Needed(), ToolTrial(20, 2))
    assert best.kept == {"1": 100.0, "2": 100.0, "5": 100.0, "10": 100.0, "20": 100.0}
    assert best.items == 3
    assert 0 < best.tokens_after < best.tokens_before
    names = measure(tools, SCORERS.get("names.v1")(), ToolTrial(36, 5, count=False))
    assert 66 < names.kept["1"] < 67  # nothing is known of the zebra
    assert (names.tokens_before, names.tokens_after) == (None, None)
    assert measure(tools, Needed(), ToolTrial(9, 3, limit=2)).items == 2
    assert measure(load_tool_set(folder, split="tune"), PlainBm25(), ToolTrial(9, 3)).items == 1


def test_several_needed_tools_of_a_packed_set(tmp_path: Path) -> None:
    inner = [row["tool"] | {"group": row["group"]} for row in TOOLS]
    with gzip.open(tmp_path / "tools.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in inner)
    asked = {
        "id": "1",
        "question": "remove a queue of the cloud, add a key",
        "needed": ["cloud_delete_queue", "house_create_key"],
    }
    (tmp_path / "questions.jsonl").write_text(json.dumps(asked), encoding="utf-8")
    tools = load_tool_set(tmp_path)
    assert tools.needs_all
    assert tools.groups["cloud"][0] == "cloud_create_cluster"

    class One:
        def score(self, query: str, context: Any) -> Any:
            return np.asarray([float(name == "house_create_key") for name in context.names], dtype=np.float32)

    report = measure(tools, One(), ToolTrial(36, 2))
    assert report.kept["1"] == 50.0  # one of two
    assert report.ms_to_index is not None
    assert measure(tools, One(), ToolTrial(35, 2)).ms_to_index is None
    assert measure(tools, SCORERS.get("names.v1")(), ToolTrial(100, 10, count=False)).kept["10"] == 100.0


SHARED = Path(__file__).parents[4] / "shared" / "data" / "tools"


@pytest.mark.parametrize(("name", "floor"), [("seal_tools", 92.0), ("metatool", 69.0)])
def test_the_default_is_better_than_plain_bm25_on_sets_of_others(name: str, floor: float) -> None:
    if not (SHARED / name).is_dir():
        pytest.skip("the shared data are absent")
    tools = load_tool_set(SHARED / name)
    trial = ToolTrial(5000, 10, limit=150, count=False)
    ours, plain = (measure(tools, scorer, trial).kept["10"] for scorer in (SCORERS.get("names.v1")(), PlainBm25()))
    assert ours >= floor
    assert ours >= plain


def test_tools_of_the_same_group_come_first() -> None:
    tools = load_tool_set_of(TOOLS)
    question = ToolQuestion("q", ("cloud.create.key",), "cloud")
    chosen = draw_tools(tools, question, ToolTrial(10))
    assert len(set(chosen)) == 10
    assert {name.partition(".")[0] for name in chosen} == {"cloud"}
    assert "cloud.create.key" in chosen
    assert len(draw_tools(tools, question, ToolTrial())) == 36
    assert draw_tools(tools, question, ToolTrial(10)) == chosen != draw_tools(tools, question, ToolTrial(10, seed=2))


def load_tool_set_of(rows: list[dict[str, Any]]) -> Any:
    groups: dict[str, list[str]] = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row["id"])
    return ToolSet("made", {row["id"]: row["tool"] for row in rows}, groups, ())


def test_plain_bm25_of_strange_words() -> None:
    from ctxprune.rag import Tools

    tools = Tools([row["tool"] for row in TOOLS[:3]])
    assert PlainBm25().score("zebra", tools).tolist() == [0, 0, 0]
    assert PlainBm25().score("bucket", tools).argmax() == 1


def test_the_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "tools", "--data", str(folder), "--size", "20", "--keep", "3", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["scorer"], document["size"], document["keep"], document["items"]) == ("names.v1", 20, 3, 3)
    assert set(document["kept"]) == set(document["bm25"]["kept"]) == {"1", "3", "5", "10", "20"}
    assert main(["bench", "tools", "--data", str(folder), "--scorer", "lexical"]) == 0
    assert "kept among 10" in capsys.readouterr().out
    assert main(["bench", "tools", "--data", str(folder), "--split", "none"]) == 1
    assert "there is no question in the part 'none'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "row", [{"question": "q"}, {"question": "q", "needed": 5}, {"question": "q", "needed": "x"}, 5]
)
def test_questions_of_another_form(folder: Path, row: Any) -> None:
    (folder / "questions.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(InputError):
        load_tool_set(folder)


def test_wrong_numbers() -> None:
    with pytest.raises(UsageError, match="10 of 5"):
        ToolTrial(size=5)
