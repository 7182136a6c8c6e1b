"""The ladder for tables (schema, ranges, rows) and rows that come again."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.context.grid import Grid
from ctxprune.errors import UsageError
from ctxprune.rag import JsonDocument, Merge, Passage, Table, deduplicate_rows, deduplicate_tables


def grid(header: str, *rows: str) -> Grid:
    cells = [tuple(row.split("|")) for row in rows]
    return Grid(tuple(header.split("|")), tuple(cells), tuple(range(len(cells))))


CITIES = grid("City|Country|People", "Lyon|France|522", "Łódź|Poland|658", "Porto|Portugal|231")


def test_each_kind_and_the_largest_stays() -> None:
    tables = [
        grid("people|city", "658|ŁÓDŹ", "522|Lyon"),
        CITIES,
        grid("CITY|Country|People", "LYON|France|522", "Lodz|Poland| 658 ", "Porto|Portugal|231"),
        grid("City|Country|People", "Lyon|France|522", "Łódź|Poland|658", "Porto|Portugal|231"),
        grid("City|People", "Lyon|523"),
        grid("City|Mayor", "Lyon|Doucet"),
        grid("Country"),
    ]
    found = deduplicate_tables(tables)
    assert found.merges == (
        Merge(0, 1, "contained", 1.0),
        Merge(2, 1, "folded", 1.0),
        Merge(3, 1, "exact", 1.0),
        Merge(6, 1, "contained", 1.0),
    )
    assert found.kept == [1, 4, 5]
    assert deduplicate_tables([]).kept == []


def test_a_share_of_the_rows_is_enough_where_asked_for() -> None:
    part = grid("City|People", "Lyon|522", "Porto|231", "Nice|343", "Lyon|522")
    assert deduplicate_tables([part, CITIES]).merges == ()
    assert deduplicate_tables([part, CITIES], containment=0.6).merges == (Merge(0, 1, "contained", 2 / 3),)


def test_headers_that_come_twice_are_matched_in_order() -> None:
    one = grid("a|a", "1|2")
    assert deduplicate_tables([one, grid("a|b|a", "1|x|2")]).merges == (Merge(0, 1, "contained", 1.0),)
    assert deduplicate_tables([one, grid("a|b|a", "2|x|1")]).merges == ()
    assert deduplicate_tables([one, grid("a|b|c", "1|2|3")]).merges == ()
    assert deduplicate_tables([Grid((), (), ()), Grid((), (), ())]).merges == ()


TABLES = st.lists(
    st.sampled_from(["a", "b", "a|b", "b|a", "a|b|c", "a|a"]).flatmap(
        lambda header: st.lists(
            st.lists(st.sampled_from("01"), min_size=header.count("|") + 1, max_size=header.count("|") + 1).map(
                "|".join
            ),
            max_size=4,
        ).map(lambda rows: grid(header, *rows))
    ),
    max_size=8,
)


def contained(table: Grid, other: Grid, containment: float) -> bool:
    def names(one: Grid) -> list[tuple[str, int]]:
        return [(name, one.header[:place].count(name)) for place, name in enumerate(one.header)]

    if not set(names(table)) <= set(names(other)):
        return False
    places = [names(other).index(name) for name in names(table)]
    rows, held = set(table.rows), {tuple(row[place] for place in places) for row in other.rows}
    return not rows or len(rows & held) >= containment * len(rows)


@settings(deadline=None, max_examples=300)
@given(TABLES, st.sampled_from([0.3, 0.5, 1.0]))
def test_as_a_comparison_of_all_pairs(tables: list[Grid], containment: float) -> None:
    found = deduplicate_tables(tables, containment=containment)
    order = sorted(range(len(tables)), key=lambda i: (-len(tables[i].header), -len(set(tables[i].rows)), i))
    kept: list[int] = []
    for index in order:
        if not any(contained(tables[index], tables[other], containment) for other in kept):
            kept.append(index)
    assert found.kept == sorted(kept)
    assert not any(contained(tables[one], tables[other], containment) for one in kept for other in kept if one != other)
    for merge in found.merges:
        assert merge.into in kept
        assert contained(tables[merge.index], tables[merge.into], containment)


@pytest.mark.parametrize(
    ("tables", "containment", "merge"),
    [
        ([grid("a"), grid("a|b")], 1.0, Merge(0, 1, "contained", 1.0)),
        ([grid("a|b", *(f"{n}|x" for n in range(10))), grid("a|b|c", *(f"{n}|x|y" for n in range(6)))], 0.5,
         Merge(0, 1, "contained", 0.6)),
    ],
)  # fmt: skip
def test_the_wider_one_stays_however_few_rows_it_has(tables: list[Grid], containment: float, merge: Merge) -> None:
    assert deduplicate_tables(tables, containment=containment).merges == (merge,)


@pytest.mark.parametrize("containment", [0.7, 1.0])
def test_time_grows_with_the_tables_of_one_header(containment: float) -> None:
    def seconds(count: int) -> float:
        tables = [
            grid("day|price", *(f"{day:05}|{day * 7 % 100}" for day in range(k, k + 5))) for k in range(0, 4 * count, 4)
        ]
        start = time.process_time()
        assert deduplicate_tables([*tables, *tables[:100]], containment=containment).kept == list(range(count))
        return time.process_time() - start

    few = min(seconds(1000) for _ in range(2))
    assert few < 1
    assert min(seconds(4000) for _ in range(2)) < 8 * few


def test_tables_of_contexts_are_counted_through() -> None:
    text = "City,People\nLyon,522\nPorto,231\n"
    rows = JsonDocument([{"City": "Porto", "People": 231}, {"City": "Lyon", "People": 522}])
    found = deduplicate_tables([Passage("No table."), Table(text), CITIES, rows])
    assert found.size == 3
    assert found.merges == (Merge(0, 1, "contained", 1.0), Merge(2, 1, "contained", 1.0))


def test_rows_that_come_again() -> None:
    rows = [("Lyon", "522"), ("Nice", "343"), ("LYON ", "522"), ("Lyon", "523"), ("Lyon", "522"), ("Lyon 522", "")]
    found = deduplicate_rows(rows)
    assert found.merges == (Merge(2, 0, "folded", 1.0), Merge(4, 0, "exact", 1.0))
    assert found.size == 6
    assert deduplicate_rows(iter([])).size == 0


def test_wrong_arguments_are_told() -> None:
    with pytest.raises(UsageError, match="row 0 is no list of texts"):
        deduplicate_rows(["ab"])
    with pytest.raises(UsageError, match="row 1 is no list of texts"):
        deduplicate_rows([("a",), (1,)])
    with pytest.raises(UsageError, match="table 0 is a tuple"):
        deduplicate_tables([("a",)])
    with pytest.raises(UsageError, match="containment is 0"):
        deduplicate_tables([], containment=0)
