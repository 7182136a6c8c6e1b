"""The tabular scorer on small tables, and what it leaves alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune import Unit
from ctxprune.context.grid import Grid
from ctxprune.errors import FormatError, UsageError
from ctxprune.scorers import SCORERS
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.scorers.structured.table_reading import asked as asked_module
from ctxprune.scorers.structured.table_reading import reading as reading_module
from ctxprune.scorers.structured.table_reading.column_features import COLUMN_FEATURES
from ctxprune.scorers.structured.table_reading.question_form import question_form
from ctxprune.scorers.structured.table_reading.row_features import ROW_FEATURES
from ctxprune.scorers.structured.tabular import TabularScorer, TabularWeights

HEADER = ("Year", "Driver", "Points", "Team", "Home town")
ROWS = (
    ("1999", "Ana Ruiz", "14", "Blue", "Lima"), ("2001", "Bo Lind", "52", "Red", "Oslo"),
    ("2002", "Ana Ruiz", "40", "Red", "Lima"), ("2005", "Cem Kaya", "7", "Green", "Izmir"),
    ("2006", "Dee Fox", "31", "Green", "Cork"), ("2008", "Eva Novák", "22", "Blue", "Brno"),
)  # fmt: skip


@dataclass(frozen=True)
class Sheet:
    """Columns first, then rows, then whatever else there is."""

    units: tuple[Unit, ...]
    grids: tuple[Grid, ...]

    def render(self, kept):
        return sorted(kept)


def sheet(header=HEADER, rows=ROWS, extra=(), columns=True) -> Sheet:
    width = len(header) if columns else 0
    texts = [*header[:width], *(" ".join(row) for row in rows), *extra]
    grid = Grid(header, rows, tuple(range(width, width + len(rows))), tuple(range(width)))
    return Sheet(tuple(map(Unit, texts)), (grid,))


@pytest.mark.parametrize(
    ("query", "row", "column"),
    [
        ("What team was Dee Fox in?", 4, "Team"),
        ("Where is Cem Kaya from?", 3, "Home town"),
        ("Who scored the most points?", 1, "Driver"),
        ("Who scored the fewest points?", 3, "Driver"),
        ("Who came next after Bo Lind?", 2, "Driver"),
        ("How many points did Eva Novak have?", 5, "Points"),
        ("Who drove in 2006?", 4, "Driver"),
        ("Who was the first driver?", 0, "Driver"),
        ("Who was the last driver listed?", 5, "Driver"),
    ],
)
def test_the_row_and_the_column_that_answer(query, row, column):
    scores = TabularScorer().score(query, sheet())
    assert int(np.argmax(scores[5:])) == row
    assert column in [HEADER[index] for index in np.argsort(-scores[:5])[:2]]


def test_other_units_score_as_the_wrapped_scorer_says():
    context = sheet(extra=("Dee Fox drives.", "Nothing."))
    scores = TabularScorer().score("Who is Dee Fox?", context)
    np.testing.assert_array_equal(scores[-2:], LexicalScorer().score("Who is Dee Fox?", context)[-2:])


def test_without_grids_it_is_the_wrapped_scorer():
    context = Sheet((Unit("Dee Fox drives."), Unit("Nothing.")), ())
    np.testing.assert_array_equal(TabularScorer().score("Dee Fox", context), LexicalScorer().score("Dee Fox", context))


def test_rows_alone_score_as_beside_columns():
    query = "What team was Dee Fox in?"
    np.testing.assert_allclose(
        TabularScorer().score(query, sheet(columns=False)), TabularScorer().score(query, sheet())[5:], rtol=1e-6
    )


def test_a_unit_of_several_rows_has_the_best_score():
    alone = TabularScorer().score("Dee Fox", sheet(columns=False))
    joined = Sheet(tuple(map(Unit, "abc")), (Grid(HEADER, ROWS, (0, 0, 1, 1, 2, 2)),))
    np.testing.assert_allclose(TabularScorer().score("Dee Fox", joined), alone.reshape(3, 2).max(axis=1), rtol=1e-6)


def test_batches_and_threads_give_the_same():
    contexts, queries = [sheet(), sheet(extra=("x",)), sheet(columns=False)], ["Dee Fox", "most points", "in 2002"]
    scorer = TabularScorer()
    loop = [scorer.score(*pair) for pair in zip(queries, contexts, strict=True)]
    with ThreadPoolExecutor(4) as pool:
        for batch in pool.map(lambda _: scorer.score_batch(queries, contexts), range(4)):
            for one, other in zip(loop, batch, strict=True):
                np.testing.assert_array_equal(one, other)


TEXT = st.text(max_size=12) | st.sampled_from(["12", "(3)", "1990", "March 3, 2004", "total", "-", "", "\ud800", "٣"])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 4).flatmap(lambda width: st.lists(st.tuples(*[TEXT] * width), max_size=5)), TEXT, st.data())
def test_any_table_gives_probabilities(rows, query, data):
    width = len(rows[0]) if rows else data.draw(st.integers(0, 3))
    header = data.draw(st.tuples(*[TEXT] * width))
    scores = TabularScorer().score(query, sheet(header, tuple(rows)))
    assert scores.shape == (width + len(rows),)
    assert ((scores >= 0) & (scores <= 1)).all()
    for asked in (query, f"how many are over 5 and at most {query}, before 1990, at 12 or 3 March 2004"):
        required = TabularScorer().find_required(asked, sheet(header, tuple(rows)))
        assert required.shape == (width + len(rows),)
        assert required.dtype == np.bool_


class Favours:
    """A model that is sure of one unit."""

    def __init__(self, unit: int) -> None:
        self.unit = unit

    def score(self, query, context):
        return np.where(np.arange(len(context.units)) == self.unit, 0.99, 0.02).astype(np.float32)


def test_a_model_is_heard_about_rows_where_it_has_weight():
    query, context = "Who is it?", sheet()
    alone = TabularScorer(Favours(8)).score(query, context)
    heard = TabularScorer(Favours(8), weight=1.0).score(query, context)
    np.testing.assert_array_equal(alone, TabularScorer().score(query, context))
    np.testing.assert_array_equal(heard[:5], alone[:5])
    assert int(np.argmax(heard[5:])) == 3
    assert heard[8] > alone[8]


def test_what_a_question_needs_together():
    def required(query):
        return np.flatnonzero(TabularScorer().find_required(query, sheet())).tolist()

    assert required("What is the total of all points?") == [2, *range(5, 11)]
    assert required("Who scored the most points?") == [2, 6]
    assert required("What team was Dee Fox in?") == [1, 9]
    assert required("Who drives?") == []


def test_it_is_registered_and_takes_scorers_only():
    assert SCORERS.get("tabular") is TabularScorer
    with pytest.raises(UsageError):
        TabularScorer(scorer=LexicalScorer)
    with pytest.raises(UsageError, match="weight"):
        TabularScorer(weight=-1)


def test_weights_of_another_kind_are_refused():
    for data in ({}, {"format": "ctxprune.scorers.tabular", "version": 0}, []):
        with pytest.raises(FormatError):
            TabularWeights.from_dict(data)
    whole = {"format": "ctxprune.scorers.tabular", "version": 1}
    with pytest.raises(FormatError, match="other features"):
        TabularWeights.from_dict({**whole, "features": {"rows": [], "columns": []}})
    features = {"rows": list(ROW_FEATURES), "columns": list(COLUMN_FEATURES)}
    with pytest.raises(FormatError, match="damaged"):
        TabularWeights.from_dict({**whole, "features": features, "networks": {"rows": {}}})


def many_tables(number: int) -> Sheet:
    """Tables of one row each, but for the last one, of two; all rows say the same."""
    rows = [1] * (number - 1) + [2]
    firsts = np.cumsum([0, *rows]).tolist()
    grids = tuple(
        Grid(("City", "River"), (("Lisbon", "Tagus"),) * size, tuple(range(first, first + size)))
        for first, size in zip(firsts, rows, strict=False)
    )
    return Sheet(tuple(Unit("Lisbon Tagus") for _ in range(firsts[-1])), grids)


def test_of_thousands_of_tables_the_largest_are_read_as_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctxprune.context.grid.MOST_TABLES", 3)
    scorer, question = TabularScorer(), "Which river flows through Lisbon?"
    assert len(scorer.readings(many_tables(3))) == 3
    sheet = many_tables(5)
    assert [reading.grid for reading in scorer.readings(sheet)] == [*sheet.grids[:2], sheet.grids[4]]
    scores = scorer.score(question, sheet)
    assert scores[2] == LexicalScorer().score(question, sheet)[2]
    assert scores[0] == scorer.score(question, many_tables(3))[0]


def test_a_question_is_read_once_for_all_tables() -> None:
    question_form.cache_clear()
    scorer = TabularScorer()
    scorer.score("Which river flows through Porto?", many_tables(50))
    assert question_form.cache_info().misses == 1


def test_a_small_table_is_asked_once_for_scores_and_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    find = asked_module.find_matches
    monkeypatch.setattr(asked_module, "find_matches", lambda *parts: asked.append("") or find(*parts))
    scorer, sheet = TabularScorer(), many_tables(1)
    scorer.score("Which river?", sheet)
    scorer.find_required("Which river?", sheet)
    assert len(asked) == 1
    scorer.score("Which city?", sheet)
    assert len(asked) == 2


def test_cells_that_say_the_same_are_read_once_a_column(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    words = reading_module.read_words
    monkeypatch.setattr(reading_module, "read_words", lambda texts, **kind: read.extend(texts) or words(texts, **kind))
    monkeypatch.setattr(reading_module, "_FEW", 0)
    rows = tuple(("Lisbon", str(row % 3)) for row in range(300))
    reading = reading_module.TableReading(Grid(("City", "N"), rows, tuple(range(300))))
    assert sorted(read) == ["0", "1", "2", "Lisbon"]
    column = reading.columns[1]
    assert [column.folded[place] for place in column.places[:4]] == ["0", "1", "2", "0"]
    assert reading.places.get("lisbon")[-1] == (299, 0)
    assert reading.distinct.tolist() == [1 / 300, 3 / 300]
