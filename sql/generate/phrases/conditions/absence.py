"""Conditions on missing rows of another table: "have not made any transactions", "never seen by a cardiologist"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...identifiers import make_identifier
from ...sketch.joins import foreign_refs
from .build import all_of, compare, is_null, literal, negate
from .clauses import Clause, Option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ....schema.schema import Schema
    from ...sketch.joins import Edge
    from .inputs import Inputs

__all__ = ["is_many", "not_in", "read_absences", "read_denied_values", "spoken_table"]

_DENIED = re.compile(
    r"\b(?:(?:who|that|which|whom)\s+)?(?:(?:have|has|had|do|does|did|are|is|was|were|could|can)\s*(?:not|n[o'’]?t)\b"
    r"(?:\s+(?:yet|ever|been|have|had|get|received?))*|(?:have|has|had|are|were|was|is)?\s*never\b(?:\s+been)?|"
    r"without\b|with no\b|but no\b|(?:have|has|had|having)\s+no\b|with (?:zero|0)\b|"
    r"(?:have|has|had|having)\s+(?:zero|0)\b|"
    r"lack(?:s|ing)?\b|"
    r"not having\b|not\s+(?=\w+(?:ed|en)\b))"
)
_BOUNDARY = re.compile(
    r"[.?!;]|\b(?:and|but|or)\s+(?:who|that|which|have|has|are|is|were|show|list|return|give|how|what)\b|\breturn\b"
)
_NO_ABSENCE = re.compile(
    r"(?:(?:who|that|which|whom)\s+)?(?:(?:is|are|was|were)\s*(?:not|n[o'’]?t)\s+(?:an?|the|in|from|at|on|of|to|"
    r"with|located|named|called)\b(?!\s+any)|"
    r"do(?:es)?\s*(?:not|n[o'’]?t)\s+(?:include|consider|count|show|return|use|list|take)\b)"
)
_LEFT_OUT = re.compile(
    r"\b(?:ignor|exclud|omit|remov|skip|except|leav(?:e|ing) out|leave aside)\w*\s+(?:[\w]+\s+){0,4}$"
)
_REACH = 6
_WHOLE = 0.9
_NAMED = 0.3  # share of a table's name


@dataclass(frozen=True, slots=True)
class _Denial:
    """A negation at characters [start, end), the table that is spoken of and the one whose rows are missing."""

    start: int
    end: int
    subject: int
    other: int
    share: float
    nested: tuple[Clause, ...] = ()


def read_absences(inputs: Inputs, clauses: Sequence[Clause]) -> list[Clause]:
    """The clauses that ask for rows without related ones; conditions among `clauses` may stand inside of them."""
    found = []
    for match in _DENIED.finditer(inputs.text):
        denial = _denial(inputs, match, clauses)
        if denial is None:
            continue
        options = _options(inputs, denial)
        if options:
            found.append(Clause(denial.start, denial.end, tuple(options)))
    return found


def read_denied_values(inputs: Inputs, clauses: Sequence[Clause]) -> list[Clause]:
    """Clauses that deny a value of rows of which one has several: "dorms with a lounge but no study rooms".

    That some row has another value says nothing; no row may have the value.
    """
    found = []
    for clause in clauses:
        best = clause.options[0]
        if best.kind == "date" and not re.search(r"\b(?:but|and)\s+$", inputs.text[: clause.start]):
            continue
        if best.kind not in ("value", "date") or not isinstance(best.test, (exp.NEQ, exp.Not)) or len(best.tables) != 1:
            continue
        first, _ = inputs.covered(clause.start, clause.end)
        subject = spoken_table(inputs, first, without=best.tables[0])
        path = None
        if subject is not None:
            path = inputs.view.graph.connect([inputs.view.table_name(subject), best.tables[0]])
        if subject is None or not path or not is_many(inputs.view.schema, path[0]):
            continue
        test = not_in(inputs.dialect, path, [negate(best.test.copy())])
        option = Option(min(1.0, best.score + 0.05), test, (inputs.view.table_name(subject),), "absence")
        found.append(Clause(clause.start, clause.end, (option, *clause.options)))
    return found


def is_many(schema: Schema, edge: Edge) -> bool:
    """Whether a row of `edge.table` may have several of `edge.other`."""
    keys = schema.table(edge.other).primary_key
    return keys != edge.other_columns


def _denial(inputs: Inputs, match: re.Match[str], clauses: Sequence[Clause]) -> _Denial | None:
    first, last = inputs.covered(match.start(), match.end())
    # "that is not a merchant" says what something is; "do not include" says what to show.
    if _NO_ABSENCE.match(inputs.text, match.start()):
        return None
    stop = _BOUNDARY.search(inputs.text, match.end())
    limit = stop.start() if stop is not None else len(inputs.text)
    subject = spoken_table(inputs, first)
    if subject is None or first == last:
        return None
    # "without X" names what is missing at once; after a verb it may stand some words away.
    reach = 3 if re.search(r"(?:without|no|zero|0|lack\w*|having)$", match.group()) else _REACH
    after = [clause for clause in clauses if match.end() <= clause.start and clause.end <= limit]
    named = _named_after(inputs, last, reach, limit, subject)
    if named is None:
        return _by_value(inputs, match, after, subject, (last, reach))
    place, other, share = named
    end = _object_end(inputs, place, subject)
    inside = tuple(clause for clause in after if _within(clause, inputs, subject))
    begins = match.start() + len(match.group()) - len(match.group().lstrip())
    return _Denial(begins, max([end, *(clause.end for clause in inside)]), subject, other, share, inside)


def _object_end(inputs: Inputs, place: int, subject: int) -> int:
    """The end of a denied verb with its object, which a table is called after: "never booked a flight"."""
    end, following = inputs.tokens[place].end, inputs.tokens[place + 1 : place + 3]
    if (
        not inputs.tokens[place].text.endswith("ed")
        or len(following) < 2
        or following[0].text not in ("a", "an", "any")
    ):
        return end
    tables = [
        table
        for table, places in inputs.named_tables.items()
        if table != subject and any(at == place + 2 and share > _WHOLE for at, share in places)
    ]
    return following[1].end if tables else end


def spoken_table(inputs: Inputs, first: int, without: str = "") -> int | None:
    """The table named last before a token, other than `without`; None where there is none."""
    places = [
        (place, share, table)
        for table, found in inputs.named_tables.items()
        for place, share in found
        if share >= _NAMED and place < first and inputs.view.table_name(table) != without
    ]
    if not places:
        return None
    last = max(place for place, _, _ in places)
    # Of the tables that one word may name, the one whose name it covers best.
    return max((one for one in places if one[0] == last), key=lambda one: (one[1], -one[2]))[2]


def _named_after(inputs: Inputs, last: int, reach: int, limit: int, subject: int) -> tuple[int, int, float] | None:
    """The last token of the other table named best after a negation, that table, and how well it is named."""
    stop = next((k for k, token in enumerate(inputs.tokens) if token.start >= limit), len(inputs.tokens))
    found = [
        (share, -place, -table)
        for table, places in inputs.named_tables.items()
        for place, share in places
        if last <= place < min(last + reach, stop) and share >= _NAMED and table != subject
        if _joined(inputs, subject, table)
    ]
    if not found:
        return None
    share, place, table = max(found)
    position, more = -place, dict(inputs.named_tables[-table])
    while position + 1 in more:  # a name of several words
        position += 1
    return position, -table, share


def _by_value(
    inputs: Inputs, match: re.Match[str], after: Sequence[Clause], subject: int, reach: tuple[int, int]
) -> _Denial | None:
    """ "never seen by a cardiologist": the rows that are missing are told by a value alone."""
    last, words = reach
    for clause in after:
        first, _ = inputs.covered(clause.start, clause.end)
        # "not 'white'" denies the value itself; a verb between asks for rows.
        if first == last and re.search(r"\b(?:is|are|was|were)\b", match.group()):
            continue
        if first - last > words or not clause.options or clause.options[0].kind not in ("value", "boolean"):
            continue
        table = inputs.view.table_index[clause.options[0].tables[0]]
        # A value of the spoken table itself is only denied: "not from Spain".
        if table == subject or not _joined(inputs, subject, table) or inputs.spoken(table, first) > 0.8:
            continue
        path = inputs.view.graph.connect([inputs.view.table_name(subject), inputs.view.table_name(table)])
        if not path or not is_many(inputs.view.schema, path[0]):
            continue
        return _Denial(match.start(), clause.end, subject, table, 0.6, (clause,))
    return None


def _joined(inputs: Inputs, one: int, other: int) -> bool:
    path = inputs.view.graph.connect([inputs.view.table_name(one), inputs.view.table_name(other)])
    return bool(path) and len(path or ()) <= 3


def _within(clause: Clause, inputs: Inputs, subject: int) -> bool:
    """A condition that can be one on the missing rows."""
    own = inputs.view.table_name(subject)
    return any(own not in option.tables and len(option.tables) == 1 for option in clause.options)


def _options(inputs: Inputs, denial: _Denial) -> list[Option]:
    own, other = inputs.view.table_name(denial.subject), inputs.view.table_name(denial.other)
    tests = []
    for clause in denial.nested:
        fitting = [option for option in clause.options if own not in option.tables and len(option.tables) == 1]
        # One that is about the missing rows themselves goes before a likelier one about another table.
        fitting.sort(key=lambda option: (option.tables[0] != other, -option.score))
        tests.append(fitting[0])
    path = inputs.view.graph.connect([own, other, *(option.tables[0] for option in tests)])
    if not path or any(edge.table == own for edge in path[1:]):
        path = inputs.view.graph.connect([own, other])
        tests = [option for option in tests if option.tables[0] == other]
    if not path:
        return []
    options = []
    for edge in inputs.view.graph.parallels(path[0]):
        if any(inputs.facts(inputs.view.index[ref]).kind == "date" for ref in foreign_refs(edge)):
            continue  # two days that are equal tie no rows
        test = not_in(inputs.dialect, [edge, *path[1:]], [option.test for option in tests])
        if len(edge.columns) == 1 and not is_many(inputs.view.schema, edge):
            # A reference to nothing is NULL, and NULL is never in a list.
            test = _without_target(inputs, edge, test, alone=not tests and len(path) == 1)
        # "Ignore customers who have not made any": those with one are wanted.
        if _LEFT_OUT.search(inputs.text[: denial.start]):
            test = negate(test)
        score = min(1.0, 0.45 + 0.35 * denial.share + 0.1 * bool(tests)) - 0.1 * (edge != path[0])
        options.append(Option(round(score, 4), test, (own,), "absence"))
    return options


def _without_target(inputs: Inputs, edge: Edge, test: Any, *, alone: bool) -> Any:
    """A test that a row refers to no row at all, or with conditions also that it refers to none such."""
    dialect = inputs.dialect
    column, table = (make_identifier(name, dialect) for name in (edge.columns[0], edge.table))
    missing = is_null(exp.Column(this=column, table=table))
    return missing if alone else exp.Paren(this=exp.Or(this=missing, expression=test))


def not_in(dialect: str, path: Sequence[Edge], tests: Sequence[Any]) -> Any:
    """A test that the first table of a path has no related row at its end for which all `tests` hold."""
    alias = {edge.other: f"X{k}" for k, edge in enumerate(path, 1)}
    first, source = path[0], exp.Select()
    source = source.from_(_aliased(first.other, alias, dialect), copy=False)
    for edge in path[1:]:
        pairs = zip(edge.columns, edge.other_columns, strict=True)
        on = [
            compare("=", _bare(a, alias[edge.table], dialect), _bare(b, alias[edge.other], dialect)) for a, b in pairs
        ]
        source = source.join(_aliased(edge.other, alias, dialect), on=all_of(on), copy=False)
    inner = [_renamed(test, alias) for test in tests]
    if len(first.columns) == 1:
        held = _bare(first.other_columns[0], alias[first.other], dialect)
        # NOT IN holds for no row at all where the sub-query gives a NULL.
        where = all_of([is_null(held.copy(), negated=True), *inner])
        query = source.select(held, copy=False).where(where, copy=False)
        outer = exp.Column(this=make_identifier(first.columns[0], dialect), table=make_identifier(first.table, dialect))
        return exp.Not(this=exp.In(this=outer, query=exp.Subquery(this=query)))
    keys = [
        compare(
            "=",
            _bare(b, alias[first.other], dialect),
            exp.Column(this=make_identifier(a, dialect), table=make_identifier(first.table, dialect)),
        )
        for a, b in zip(first.columns, first.other_columns, strict=True)
    ]
    query = source.select(literal(1), copy=False).where(all_of([*keys, *inner]), copy=False)
    return exp.Not(this=exp.Exists(this=query))


def _bare(text: str, alias: str, dialect: str) -> exp.Column:
    return exp.Column(this=make_identifier(text, dialect), table=exp.to_identifier(alias))


def _aliased(table: str, alias: dict[str, str], dialect: str) -> exp.Table:
    return exp.Table(this=make_identifier(table, dialect), alias=exp.TableAlias(this=exp.to_identifier(alias[table])))


def _renamed(test: Any, alias: dict[str, str]) -> Any:
    """A test whose columns stand under the aliases of their tables."""
    made = test.copy()
    for held in made.find_all(exp.Column):
        if held.table in alias:
            held.set("table", exp.to_identifier(alias[held.table]))
    return made
