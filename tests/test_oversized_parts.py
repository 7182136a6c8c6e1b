"""Records of logs and strings of JSON that are too large for a budget, cut at their own borders."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune import Pruner, TokenBudget
from ctxprune.context import JoinedContext
from ctxprune.errors import BudgetError
from ctxprune.rag import JsonDocument, Log
from ctxprune.scorers.lexical import LexicalScorer
from ctxprune.scorers.structured.log import LogScorer

CALM = [f"2026-03-01 10:00:0{second},001 INFO [main] shop.Http - GET /cart 200" for second in range(8)]
FIELDS = " ".join(f"trace_{number}=0af{number}" for number in range(40))
LINE = f'2026-03-01 10:00:09,001 ERROR [main] shop.Pay - charge 17 failed {FIELDS} reason="vault closed" attempt=3'
STACK = "\n".join(
    ["2026-03-01 10:00:09,001 ERROR [main] shop.Pay - charge failed"]
    + [f"\tat shop.layer{number}.Service.call(Service.java:{number})" for number in range(60)]
    + ["Caused by: java.io.IOException: vault closed"]
)
NOTE = (
    "The harbour master writes down the name of each ship. In winter the pilot boat waits behind the mole.\n"
    'Whoever comes after dark must sound the "horn" twice. Bread is baked at five. '
)


@pytest.mark.parametrize("scorer", [LexicalScorer(), LogScorer()])
def test_a_line_without_room_is_cut_at_its_fields(scorer: LexicalScorer | LogScorer) -> None:
    log = Log("\n".join([*CALM, LINE, *CALM, ""]))
    pruned = Pruner(scorer, TokenBudget(60)).prune("why was the vault closed?", log)
    assert ' … reason="vault closed" attempt=3\n' in pruned.output
    assert "… 16 more " in pruned.output  # the record that is kept in part is not counted as left out
    assert pruned.tokens_after <= 60
    assert pruned.oversized is not None
    assert pruned.oversized.parts > pruned.oversized.kept > 0
    whole = Pruner(scorer, TokenBudget(pruned.oversized.budget)).prune("why was the vault closed?", log)
    assert LINE in whole.output


def test_a_stack_trace_without_room_is_cut_at_its_lines() -> None:
    log = Log("\n".join([*CALM, STACK, ""]))
    pruned = Pruner(LexicalScorer(), TokenBudget(70)).prune("vault closed IOException", log)
    lines = pruned.output.split("\n")
    assert "Caused by: java.io.IOException: vault closed" in lines
    assert "…" in lines
    assert set(lines) <= {*STACK.split("\n"), "…", "… 8 more of other kinds", ""}


@pytest.mark.parametrize(
    ("kept", "written"),
    [
        ([0], "aaaa bbbb, …\n"),
        ([1], "… cccc dddd, …\n"),
        ([0, 2], "aaaa bbbb, … eeee ffff\n"),
        ([1, 2], "… cccc dddd, eeee ffff\n"),
        ([1, 3], "… cccc dddd, …\nz\n"),
    ],
)
def test_marks_stand_for_the_parts_that_are_dropped(kept: list[int], written: str) -> None:
    record = "aaaa bbbb, cccc dddd, eeee ffff".replace("a" * 4, "a" * 24).replace("c" * 4, "c" * 24)
    log = Log(f"{record}\nz\n", notes=False)
    split = log.split_units({0: 36})
    assert split is not None
    assert list(split.origins) == [0, 0, 0, 1]
    assert split.context.render(range(4)) == log.text
    assert split.context.render(kept) == written.replace("a" * 4, "a" * 24).replace("c" * 4, "c" * 24)


def test_logs_in_parts_are_counted_by_records() -> None:
    split = Log("\n".join([LINE, *CALM])).split_units({0: 64, 1: 32})
    assert split is not None
    texts = split.context.render([0]).split("\n")
    assert texts[1:] == ["… 8 more of other kinds", ""]
    last = len(split.origins) - 1
    assert split.context.render([0, last]).split("\n")[1:] == [CALM[-1], "… 7 more like this"]


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize(
    "wrap", [lambda note: {"id": 1, "note": note}, lambda note: [note], lambda note: [[{"n": note}]]]
)
def test_a_long_string_is_cut_at_sentences(wrap: object, ascii_only: bool) -> None:
    note = NOTE + "Der Hafen schließt früh. " * 30
    data = wrap(note)  # type: ignore[operator]
    text = json.dumps(data, ensure_ascii=ascii_only)
    pruned = Pruner(LexicalScorer(), TokenBudget(70)).prune("who must sound the horn?", JsonDocument(text))
    assert 'must sound the \\"horn\\" twice.' in pruned.output
    assert " … " in pruned.output
    json.loads(pruned.output)
    assert pruned.tokens_after <= 70
    assert pruned.oversized is not None
    whole = Pruner(LexicalScorer(), TokenBudget(pruned.oversized.budget)).prune("who must sound?", JsonDocument(text))
    assert json.dumps(note, ensure_ascii=ascii_only) in whole.output
    value = Pruner(LexicalScorer(), TokenBudget(70)).prune("who must sound the horn?", JsonDocument(data))
    assert type(value.output) is type(data)
    assert 'must sound the "horn" twice.' in json.dumps(value.output).replace('\\"', '"')


def test_strings_of_json_lines_are_cut_too() -> None:
    text = "\n".join(json.dumps(value) for value in ("start", {"note": NOTE * 4}, {"note": "Bread."}))
    pruned = Pruner(LexicalScorer(), TokenBudget(50)).prune("who must sound the horn?", JsonDocument(text))
    assert "must sound the" in pruned.output
    assert all(json.loads(line) for line in pruned.output.splitlines())


def test_several_contexts_are_cut_within_each() -> None:
    joined = JoinedContext([Log("\n".join([*CALM, ""])), Log(LINE), JsonDocument(json.dumps({"note": NOTE * 4}))])
    pruner = Pruner(LexicalScorer(), TokenBudget(50))
    vault, horn = (pruner.prune(question, joined) for question in ("was the vault closed?", "who must sound the horn?"))
    assert 'reason="vault closed"' in vault.output[1]
    assert "must sound the" in json.loads(horn.output[2])["note"]
    for pruned, number in ((vault, 1), (horn, 2)):
        assert pruned.tokens_after <= 50
        assert pruned.oversized is not None
        assert pruned.units[pruned.oversized.index].source == number


STRINGS = st.lists(
    st.sampled_from(
        ("lamp ", "pilot. ", "\\", "\n", '"', "\u00e9", "\U0001f600", "\t", "bread, ", "x" * 40, "{", "\x01")
    ),
    min_size=1,
    max_size=60,
).map("".join)


@given(st.lists(STRINGS, min_size=1, max_size=4), st.booleans(), st.integers(0, 90), st.integers(4, 90))
def test_no_escape_is_cut_and_every_choice_is_json(
    strings: list[str], ascii_only: bool, size: int, budget: int
) -> None:
    text = json.dumps([strings[0], {"a": strings[1:], "b": strings[-1]}], ensure_ascii=ascii_only)
    document = JsonDocument(text)
    for _ in range(3):
        split = document.split_units(dict.fromkeys(range(len(document.units)), size))
        if split is None:
            break
        units = split.context.units
        assert list(split.origins) == sorted(split.origins)
        assert set(split.origins) == set(range(len(document.units)))
        assert split.context.render(range(len(units))) == text
        for index, unit in enumerate(units):
            assert unit.span is not None
            assert text[slice(*unit.span)].strip()
            json.loads(split.context.render([index]))
        json.loads(split.context.render(range(0, len(units), 2)))
        document = split.context  # type: ignore[assignment]
    try:
        pruned = Pruner(LexicalScorer(), TokenBudget(budget)).prune("lamp of the pilot", JsonDocument(text))
    except BudgetError:
        return
    json.loads(pruned.output)
    assert pruned.tokens_after <= budget


def test_runs_of_scalars_stay_as_they_are_where_a_string_before_them_is_cut() -> None:
    document = JsonDocument(json.dumps([NOTE * 40, *[0] * 900, {"a": 1}, *[0] * 400]))
    for sizes in ({0: 40}, {901: 40}, {0: 40, 901: 40}):
        split = document.split_units(sizes)
        whole = {unit.span for index, unit in enumerate(document.units) if index not in sizes}
        assert split is None or whole <= {unit.span for unit in split.context.units}


@pytest.mark.parametrize("piece", ["\\", '"', "\\\\n", "\U0001f600", "x", "word "])
def test_time_of_hostile_strings(piece: str) -> None:
    text = json.dumps({"a": piece * (400_000 // len(piece)), "b": 1})
    document = JsonDocument(text)
    start = time.process_time()
    split = document.split_units({0: 64})
    assert time.process_time() - start < 5
    assert split is not None
    assert split.context.render(range(len(split.origins))) == text
