"""Telling a caller who sees a part of the database that what the question means may be withheld."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from ctxprune.text.words import stem

from ...linking.doubts import Doubt
from ...linking.words import load_cues, name_stems
from ...repair.tree import parse
from ...trust.outcome import ANSWERED, TENTATIVE
from ...values.spans import Question
from .base import Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...schema.schema import Schema, Table
    from ...values.spans import Word
    from .base import State
    from .context import RetrieveValues

__all__ = ["NoteWithheld"]


@dataclass(frozen=True)
class NoteWithheld(Step):
    """Makes an answer tentative that may stand for something which is withheld from the caller.

    The assessment takes a word for explained where the query has a column that resembles it, or one of that name of
    another table. For a caller from whom nothing is withheld that is the best reading; here a hidden column may be
    meant. Names and values of hidden columns have no part in it, so that nobody can find them out by guessing.

    Attributes:
        retrieve: Knows the words of what the caller may see.
    """

    retrieve: RetrieveValues
    name: str = "withheld"

    def run(self, state: State) -> State:
        """Adds doubts to `assessment`."""
        found = state.assessment
        if found is None or state.selection is None or state.selection.index is None:
            return state
        sql = state.executed[state.selection.index].sql
        words = tuple(doubt for doubt in self.retrieve.find_resemblances(state) if doubt not in found.doubts)
        tables = tuple(_doubt_tables(state.question, sql, state.schema))
        if not words and not tables:
            return state
        outcome = TENTATIVE if found.outcome == ANSWERED else found.outcome
        doubts = (*words, *found.doubts, *tables)
        return replace(state, assessment=replace(found, outcome=outcome, doubts=doubts))


def _doubt_tables(question: str, sql: str, schema: Schema) -> Iterator[Doubt]:
    """Where the result shows a column of a table that the question does not name, beside one that it names and of which
    not all may be seen: asked for the names of ships, a query may show those of battles.
    """
    tree = parse(sql, schema.dialect)
    if tree is None or not isinstance(tree, exp.Select):
        return
    asked = Question.parse(question).words
    read = {one.alias_or_name: schema.table(one.name) for one in tree.find_all(exp.Table) if one.name in schema}
    partial = [table.name for table in read.values() if not table.complete and _is_named(table, asked)]
    if not partial:
        return
    shown = {column.table: column.name for one in tree.expressions for column in one.find_all(exp.Column)}
    for alias, column in shown.items():
        table = read.get(alias)
        if table is not None and not _is_named(table, asked):
            why = f"a part of this database is withheld from you, and {column!r} is shown of the table {table.name!r}"
            yield Doubt("", (0, 0), f"{why}, which the question does not name")


def _is_named(table: Table, asked: Sequence[Word]) -> bool:
    """Whether a word of the question is one of the table's name, or stands for one ("show" mostly asks to be shown)."""
    stems = {stem(word.text) for word in asked}
    others = {stem(word.text) for word in asked if not word.common}
    related = load_cues().related
    return any(root in stems or not others.isdisjoint(related.get(root, {})) for root in name_stems(table.name))
