"""Linkers around another linker: bypass, soft and focus."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctxprune.errors import UsageError
from ctxprune.sql.linking.bypass import BypassLinker
from ctxprune.sql.linking.carried import CARRIED, CarriedLinker
from ctxprune.sql.linking.focus import FocusLinker
from ctxprune.sql.linking.lexical import LexicalLinker
from ctxprune.sql.linking.ranked import RankedLinker
from ctxprune.sql.linking.soft import SoftLinker
from ctxprune.sql.linking.wrapped import counter_of
from ctxprune.sql.pipeline.steps import ShowValues, State
from ctxprune.sql.render import RENDERERS, render
from ctxprune.sql.schema.schema import Column, ColumnRef, Schema, Table

QUESTION = "What are the titles of all books?"
TITLE, RAIN = ColumnRef("book", "title"), ColumnRef("weather", "rain_mm")


class Words:
    """Counts words."""

    name = "words"

    def count(self, text: str) -> int:
        return len(text.split())

    def count_many(self, texts) -> list[int]:
        return [self.count(text) for text in texts]


def test_bypass_passes_what_fits_and_ranks_it(library: Schema):
    linked, inner = BypassLinker().link(QUESTION, library), RankedLinker().link(QUESTION, library)
    assert linked.schema is library
    assert linked.scores == inner.scores
    assert linked.reasons[TITLE] == inner.reasons[TITLE]
    assert linked.reasons[RAIN] == ("the whole schema fits 4000 tokens",)
    assert linked.tokens_after == linked.tokens_before == inner.tokens_before


def test_bypass_prunes_what_does_not_fit(library: Schema):
    inner = RankedLinker().link(QUESTION, library)
    assert BypassLinker(budget=inner.tokens_before - 1).link(QUESTION, library) == inner
    assert BypassLinker(budget=inner.tokens_before).link(QUESTION, library).schema is library


def test_soft_names_everything_and_details_what_is_likely(library: Schema):
    described = replace(
        library,
        tables=tuple(
            replace(t, comment="kept elsewhere", columns=tuple(
                replace(c, comment=f"note {c.name}", description="long", examples=("ex",)) for c in t.columns))
            for t in library.tables
        ),
    )  # fmt: skip
    linked = SoftLinker().link(QUESTION, described)
    hard = RankedLinker().link(QUESTION, described)
    assert linked.detailed == hard.kept != linked.kept
    assert linked.kept == set(described.refs())
    assert linked.schema.foreign_keys == described.foreign_keys
    assert linked.schema.table("book").column("title") == described.table("book").column("title")
    assert linked.schema.table("weather").column("rain_mm") == Column("rain_mm")
    assert linked.schema.table("member").column("id") == Column("id", primary_key=True)
    assert linked.schema.table("weather").comment == ""
    assert linked.reasons[RAIN] == ("only named",)
    assert hard.tokens_after < linked.tokens_after < linked.tokens_before
    for form in RENDERERS.names():
        text = render(linked.schema, form)
        assert "rain_mm" in text
        assert "note rain_mm" not in text
    assert "note title" in render(linked.schema)


def test_examples_are_added_only_where_details_are(library: Schema):
    class Sampler:
        def with_examples(self, schema: Schema, *, n: int) -> Schema:
            return replace(schema, tables=tuple(
                replace(t, columns=tuple(replace(c, examples=("seen",)) for c in t.columns)) for t in schema.tables
            ))  # fmt: skip

    linked = SoftLinker().link(QUESTION, library)
    shown = ShowValues(Sampler()).run(State(QUESTION, library, linked=linked)).shown
    assert shown.table("book").column("title").examples == ("seen",)
    assert shown.table("weather").column("rain_mm").examples == ()


@pytest.mark.parametrize(
    ("n_tables", "n_columns", "large"), [(5, 6, False), (5, 7, True), (6, 6, True), (1, 6, False), (1, 7, True)]
)
def test_focus_goes_by_size(n_tables: int, n_columns: int, large: bool):
    columns = tuple(Column(f"column {i}") for i in range(n_columns))
    schema = Schema("s", tuple(Table(f"t{i}", columns) for i in range(n_tables)))
    linker = FocusLinker()
    assert linker.chosen(schema) is (linker.large if large else linker.small)
    assert (linker.link("column 1 of t0", schema).schema is schema) == (not large)


def test_focus_takes_other_linkers_and_limits(library: Schema):
    linker = FocusLinker(SoftLinker(), LexicalLinker(), columns=25, per_table=5)
    assert linker.link(QUESTION, library).detailed is not None
    assert linker.chosen(Schema("empty", ())) is linker.small


def test_the_counter_is_the_inner_linkers(library: Schema):
    for linker in (
        BypassLinker(RankedLinker(counter=Words())),
        SoftLinker(BypassLinker(RankedLinker(counter=Words()), budget=0)),
        FocusLinker(large=RankedLinker(counter=Words()), columns=1),
    ):
        assert counter_of(linker).name == "words"
        linked = linker.link(QUESTION, library)
        assert linked.tokenizer == "words"
        assert linked.tokens_after == len(render(linked.schema).split())


@pytest.mark.parametrize(
    "make",
    [lambda: BypassLinker(budget=-1), lambda: FocusLinker(columns=-1), lambda: FocusLinker(per_table=float("nan"))],
)
def test_limits_are_checked(make):
    with pytest.raises(UsageError):
        make()


def test_carried_keeps_what_the_budget_holds_best_first(library: Schema):
    inner = RankedLinker().link(QUESTION, library)
    earlier = (RAIN, *(ref for ref in library.refs() if ref not in inner.kept))
    linked = CarriedLinker(RankedLinker(), earlier).link(QUESTION, library)
    assert linked.kept == set(library.refs())
    assert linked.reasons[RAIN] == (CARRIED,)
    assert linked.reasons[TITLE] == inner.reasons[TITLE]
    assert CarriedLinker(RankedLinker(), earlier, budget=0).link(QUESTION, library) == inner
    one = CarriedLinker(RankedLinker(), (RAIN,)).link(QUESTION, library)
    assert RAIN in one.kept
    tight = CarriedLinker(RankedLinker(), earlier, budget=one.tokens_after).link(QUESTION, library)
    assert RAIN in tight.kept != linked.kept
    assert tight.tokens_after <= one.tokens_after
    with pytest.raises(UsageError, match="budget"):
        CarriedLinker(RankedLinker(), budget=-1)
