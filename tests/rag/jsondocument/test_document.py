"""JSON as a context: valid at every budget, each leaf the source's own text, nothing that was not kept."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune import TokenBudget, prune
from ctxprune.context.grid import Grid
from ctxprune.errors import BudgetError, InputError, UsageError
from ctxprune.rag import JsonDocument
from ctxprune.rag.jsondocument import document as module
from ctxprune.rag.jsondocument import json_lists, outline
from ctxprune.tokens import as_counter

API = (
    '{"took": 1.10, "took": 1e5, "user": {"name": "Ad\\u00e9", "roles": ["p", "q"], "more": {}},\n'
    ' "hits": [{"id": 1, "geo": {"lat": 2.50}},\n  {"id": 12345678901234567890123, "tags": ["a", null]}], "n": NaN}\n'
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=16,
)


def pairs(text: str) -> Any:
    """The value with objects as `dict` of numbered keys, so that duplicate keys survive, and numbers as written."""
    return json.loads(
        text,
        object_pairs_hook=lambda found: dict(enumerate(found)),
        parse_int=str,
        parse_float=str,
        parse_constant=str,
        strict=False,
    )


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.values():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list) and value:
        for inner in value:
            yield from leaves(inner, (*path, "[]"))
    else:
        yield path, value


def sources(document: JsonDocument[str], text: str) -> list[str]:
    return [text[slice(*unit.span)] for unit in document.units]


def check(text: str, document: JsonDocument[str], kept: set[int]) -> None:
    """What is left has the leaves of the kept units, in order, and no others."""
    whole = list(leaves(pairs(text)))
    parts = []
    for source in sources(document, text):
        try:
            count = len(list(leaves(pairs(source))))
        except ValueError:  # a member, or several items
            try:
                count = len(list(leaves(pairs(f"{{{source}}}"))))
            except ValueError:
                count = len(list(leaves(pairs(f"[{source}]"))))
        parts.append(whole[:count])
        whole = whole[count:]
    assert whole == [] or not document.units
    left = document.render(kept)
    expected = [leaf for index in sorted(kept) for leaf in parts[index]]
    found = list(leaves(pairs(left)))
    assert found == (expected or [((), pairs(left))])
    if not expected and document.units:
        assert pairs(left) in ({}, [])


def test_members_items_and_what_encloses_them() -> None:
    document = JsonDocument(API)
    assert [unit.text for unit in document.units] == [
        "took: 1.10", "took: 1e5", 'user.name: "Ad\\u00e9"', 'user.roles: "p"', 'user.roles: "q"', "user.more: {}",
        '{"id": 1, "geo": {"lat": 2.50}}', '{"id": 12345678901234567890123, "tags": ["a", null]}', "n: NaN",
    ]  # fmt: skip
    assert sources(document, API)[2] == '"name": "Ad\\u00e9"'
    assert document.render(range(9)) is API
    assert document.render([0, 4]) == '{"took": 1.10, "user": {"roles": ["q"]}}\n'
    assert document.render([1, 7]) == (
        '{"took": 1e5,\n "hits": [{"id": 12345678901234567890123, "tags": ["a", null]}]}\n'
    )
    assert document.render([]) == "{}\n"
    assert document.kind == "json"


def test_lists_of_objects_are_tables() -> None:
    document = JsonDocument(API)
    assert document.grids == (
        Grid(
            ("id", "geo.lat", "tags"), (("1", "2.50", ""), ("12345678901234567890123", "", "a, ")), (6, 7), (), "hits"
        ),
    )
    rows = JsonDocument('[{"a": true, "b": {"c": "x\\ny"}, "a": null}, 7, {"b": {"c": [[1]]}}]')
    assert rows.grids == (Grid(("a", "b.c"), (("", "x\ny"), ("", '[["1"]]')), (0, 2)),)
    assert rows.kind == "table"
    nothing_in_common = [{f"k{index}": index} for index in range(30)]
    assert JsonDocument(json.dumps(nothing_in_common)).grids == ()
    assert JsonDocument('[{"a": 1}]').grids == ()


def test_columns_that_look_the_same_stay_apart() -> None:
    long = "k" * 300
    for rows, left in (
        ([{"a.b": n, "a": {"b": n + 1}} for n in range(2)], [{"a.b": n} for n in range(2)]),
        ([{"x" + long: n, "y" + long: n + 1} for n in range(2)], [{"x" + long: n} for n in range(2)]),
    ):
        document = JsonDocument(rows, columns=True)
        (grid,) = document.grids
        assert grid.rows == (("0", "1"), ("1", "2"))
        assert grid.header[0] == grid.header[1]
        assert len(grid.header[0]) <= 200
        assert document.render([*grid.row_units, grid.column_units[0]]) == left


@settings(max_examples=300, deadline=None)
@given(JSON, st.sampled_from([None, 1]), st.sampled_from([3, 20, 4000]), st.integers(0, 3), st.data())
def test_any_json(value: Any, indent: int | None, largest: int, most: int, data: st.DataObject) -> None:
    text = json.dumps(value, indent=indent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_LARGEST", largest)
        patch.setattr(outline, "_LONG_LIST", most)
        document = JsonDocument(text)
    assert document.render(range(len(document.units))) == text
    kept = data.draw(st.sets(st.sampled_from(range(len(document.units))))) if document.units else set()
    kept |= {index for index, unit in enumerate(document.units) if unit.pinned}
    check(text, document, kept)
    for grid in document.grids:
        assert len(grid.rows) > 1


@settings(max_examples=100, deadline=None)
@given(st.lists(JSON, min_size=2, max_size=5), st.sampled_from(["\n", "\r\n", " \n\n"]), st.data())
def test_json_lines(values: list[Any], gap: str, data: st.DataObject) -> None:
    lines = [json.dumps(value) for value in values]
    text = gap.join(lines) + gap
    document = JsonDocument(text)
    assert sources(document, text) == lines
    kept = data.draw(st.sets(st.sampled_from(range(len(lines)))))
    left = [line for line in document.render(kept).split("\n") if line.strip()]
    assert [json.loads(line) for line in left] == [json.loads(lines[index]) for index in sorted(kept)]


def flat(value: Any) -> list[Any]:
    """The items of all lists that lie in no other list."""
    if isinstance(value, dict):
        return [item for part in value.values() for item in flat(part)]
    return list(value) if isinstance(value, list) else []


@settings(max_examples=150, deadline=None)
@given(JSON, st.sampled_from([None, 1]), st.data())
def test_items_of_lists_only(value: Any, indent: int | None, data: st.DataObject) -> None:
    text = json.dumps(value, indent=indent)
    found = json_lists(text)
    assert (found is None) == (not isinstance(value, (list, dict)))
    if found is None:
        return
    assert found.render(range(len(found.units))) == text
    assert [json.loads(unit.text) for unit in found.units] == flat(value)
    kept = data.draw(st.sets(st.sampled_from(range(len(found.units))))) if found.units else set()
    left = json.loads(found.render(kept))
    assert flat(left) == [json.loads(found.units[index].text) for index in sorted(kept)]


def test_columns_are_dropped_in_all_objects_of_a_list() -> None:
    text = (
        '{"n": 2, "rows": [{"id": "a1", "geo": {"lat": 1.50, "lon": 2}, "tags": ["x", {"y": 1}], "e": []},\n'
        ' {"geo": {"lat": 3}, "id": "b2", "id": "c3"}, 7]}'
    )
    document = JsonDocument(text, columns=True)
    (grid,) = document.grids
    assert grid.header == ("id", "geo.lat", "geo.lon", "tags", "e")
    assert (grid.row_units, grid.column_units) == ((1, 2), (4, 5, 6, 7, 8))
    assert [unit.text for unit in document.units[4:]] == list(grid.header)
    assert document.units[1].requires == document.units[2].requires == (4,)
    assert document.render(range(9)) is text
    assert document.render([1, 2, 4, 5]) == (
        '{"rows": [{"id": "a1", "geo": {"lat": 1.50}},\n {"geo": {"lat": 3}, "id": "b2", "id": "c3"}]}'
    )
    assert document.render([0, 2, 3, 6, 7]) == '{"n": 2, "rows": [{}, 7]}'
    assert document.render([1, 4, 7, 8]) == '{"rows": [{"id": "a1", "tags": ["x", {"y": 1}], "e": []}]}'
    assert (
        document.render([1, 4, 5, 6, 7, 8]) == text[:8].replace('"n": 2', "")[:1] + text[9 : text.index(",\n")] + "]}"
    )


RECORDS = st.lists(st.dictionaries(st.sampled_from("abc"), JSON, max_size=3), min_size=2, max_size=5)


@settings(max_examples=150, deadline=None)
@given(RECORDS, st.data())
def test_columns_of_any_records(records: list[dict[str, Any]], data: st.DataObject) -> None:
    text = json.dumps({"rows": records})
    document = JsonDocument(text, columns=True)
    kept = data.draw(st.sets(st.sampled_from(range(len(document.units)))))
    left = json.loads(document.render(kept)).get("rows", [])
    if not document.grids:
        return
    (grid,) = document.grids
    names = {name for name, unit in zip(grid.header, grid.column_units, strict=True) if unit in kept}
    rows = [records[number] for number, unit in enumerate(grid.row_units) if unit in kept]
    assert [dict(cells(row)) for row in left] == [
        {path: value for path, value in cells(row) if path in names} for row in rows
    ]


def cells(record: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in record.items():
        here = f"{path}.{key}" if path else key
        if isinstance(value, dict) and value:
            yield from cells(value, here)
        else:
            yield here, value


def test_values_come_back_as_values() -> None:
    value = {"a": [{"x": 1.5, "y": None}, {"x": math.inf}], "b": ("t", True)}
    document = JsonDocument(value)
    assert document.render(range(len(document.units))) is value
    assert document.render([1, 3]) == {"a": [{"x": math.inf}], "b": [True]}
    loop: list[Any] = []
    loop.append(loop)
    for wrong in ({1, 2}, {"a": object()}, loop):
        with pytest.raises(UsageError, match="cannot be written as JSON"):
            JsonDocument(wrong)


@pytest.mark.parametrize(
    ("text", "what", "where"),
    [
        ("", "there is no JSON", ""),
        (" \ufeff", "a value is missing before '\\ufeff'", "line 1, column 2"),
        ('{"a": 1', "',' or '}' is missing at the end of the text", "line 1, column 8"),
        ('{\n "a" 1}', "a key with its value is missing before '\"a\" 1}'", "line 2, column 2"),
        ("[1,]", "a value is missing before ']'", "line 1, column 4"),
        ("[1 2]", "',' or ']' is missing before '2]'", "line 1, column 4"),
        ("[1] [2]", "the value has ended, and more text stands before '[2]'", "line 1, column 5"),
        ("[1]\n[2", "',' or ']' is missing at the end of the text", "line 2, column 3"),
        ('["\\x"]', "a value is missing before", "line 1, column 2"),
        ('["abc', "a value is missing before '\"abc'", "line 1, column 2"),
        ("[01]", "',' or ']' is missing before '1]'", "line 1, column 3"),
        ('{"a": [{"b": 1, "c": }]}', "a key with its value is missing before '\"c\": }]}'", "line 1, column 17"),
    ],
)
def test_what_is_no_json_is_told_with_its_place(text: str, what: str, where: str) -> None:
    with pytest.raises(InputError) as caught:
        JsonDocument(text)
    assert what in str(caught.value)
    assert caught.value.where == where


def test_what_python_reads_is_read() -> None:
    for text in ('\ufeff[NaN, -Infinity, -0.0e-10, "\\ud800", "a\tb"]', "12", '"x"', "null", "{}", "[]", "[ ]\n"):
        document = JsonDocument(text)
        assert document.render(range(len(document.units))) == text
    scalar = JsonDocument(" 12\n")
    assert (scalar.units[0].pinned, scalar.units[0].span) == (True, (1, 3))
    assert [len(JsonDocument(text).units) for text in ("{}", "[]", "[{}]")] == [0, 0, 1]


def test_large_items_are_looked_into_and_long_lists_are_cut() -> None:
    text = json.dumps([{"pages": [{"id": index, "text": "word " * 10} for index in range(100)], "total": 100}])
    document = JsonDocument(text)
    assert len(document.units) == 101
    assert json.loads(document.render([3, 100])) == [{"pages": [{"id": 3, "text": "word " * 10}], "total": 100}]
    numbers = JsonDocument(json.dumps({"all": list(range(5000))}))
    assert len(numbers.units) == 1063
    assert json.loads(numbers.render([0, 1000, 1062])) == {"all": [0, *range(1000, 1064), *range(4968, 5000)]}


def test_the_budget_holds_for_what_comes_out() -> None:
    records = [{"id": index, "city": f"City {index}", "note": "x" * (index % 40)} for index in range(200)]
    text = json.dumps({"request": {"page": 1, "size": 200}, "result": {"items": records}}, indent=1)
    for budget in (150, 300, 1000):
        found = prune(
            "What is the note of City 77?", JsonDocument(text), scorer="lexical.v1", policy=TokenBudget(budget)
        )
        assert as_counter().count(found.output) <= budget
        items = json.loads(found.output).get("result", {}).get("items", [])
        assert all(item in records for item in items)
        assert records[77] in items
    with pytest.raises(BudgetError):
        prune("What?", JsonDocument(text), scorer="lexical.v1", policy=TokenBudget(2))


@pytest.mark.parametrize("shape", ["lists", "objects", "mixed"])
def test_a_hundred_thousand_levels(shape: str) -> None:
    opened, closed = {"lists": ("[", "]"), "objects": ('{"a":', "}"), "mixed": ('[{"a":', "}]")}[shape]
    text = opened * 100_000 + "1" + closed * 100_000
    start = time.process_time()
    document = JsonDocument(text)
    assert document.render(range(len(document.units))) == text
    assert len(document.render([])) <= 7
    assert json_lists(text) is not None
    assert document.grids == ()
    assert time.process_time() - start < 20
    with pytest.raises(InputError, match="is missing at the end"):
        JsonDocument(text[:-1])


def test_time_grows_with_the_size() -> None:
    record = '{"id": 1, "name": "Person", "geo": {"lat": 1.5}, "tags": ["a", "b"], "deep": [{"x": {"y": [1]}}]}'
    seconds = []
    for count in (2_000, 20_000):
        text = f"[{', '.join([record] * count)}]"
        start = time.process_time()
        document = JsonDocument(text)
        document.render(range(0, count, 2))
        seconds.append(time.process_time() - start)
    assert seconds[1] < 40 * max(seconds[0], 0.01)
