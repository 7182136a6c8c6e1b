"""Who is above and who is below: "reports to Ann Lee", "who manages Ann Lee", "the subcategories of Food"."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from .conditions import Clause, Option

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .draft import Draft
    from .roles import Role
    from .term import Term

    _Reader = Callable[[str, Clause, Role], tuple[int, int] | None]

__all__ = ["Related", "acting_role", "lift", "read_existence", "read_relations", "to_role"]

_NEAR = 60
_HELD = r"\b(?:(?:who|that)\s+)?(?:(?:have|has|having|with)\s+(?:an?|any|(no))|(without)(?:\s+an?|\s+any)?)\s+"
_ENDING = re.compile(r"(?:or|er|ee)$")
_TITLE = r"(?:[a-z]+\s+){0,4}$"
_LED = re.compile(
    r"\b(?:(?:who\s+|that\s+)?(?:directly\s+)?report(?:s|ed|ing)?(?:\s+directly)?\s+to|"
    r"(?:who\s+|that\s+)?(?:(?:is|are|was|were)\s+)?(?:managed|supervised|led|headed|overseen)\s+by|"
    r"(?:who\s+|that\s+)?work(?:s|ed|ing)?\s+(?:for|under)|under)\s+(?:the\s+)?$"
)
_LED_OF = re.compile(r"\b(?:subordinates?|reports|team)\s+((?:of|to|under)\s+(?:the\s+)?)$")
_BELOW = re.compile(
    r"\b(?:sub-?\s?[a-z]+|child(?:ren)?(?:\s+[a-z]+)?)\s+((?:of|under|in|belonging\s+to|within)\s+(?:the\s+)?)$"
)
_UNDER = re.compile(
    r"\b((?:that\s+are\s+|which\s+are\s+)?(?:directly\s+)?(?:under|part\s+of|belonging\s+to)\s+(?:the\s+)?)$"
)
_POSSESSED = re.compile(r"^['’]s?\s+(?:direct\s+)?(?=reports|subordinates|team|children|child|sub)")
_OF_WHOM = re.compile(r"\b(?:reports|subordinates|children|people|sub-?[a-z]{3,})\s+(?:do|does|did)\s+(?:the\s+)?$")
_HAVE = re.compile(r"^\s+(?:have|has|had|manage|supervise|lead|oversee)\b")
_WHO_LEADS = re.compile(
    r"\bwho(?:\s+(?:directly|currently))?\s+(?:manag|supervis|lead|oversee|head)[a-z]*\s+(?:the\s+)?$"
)
_PARTS = re.compile(r"\bsub-?[a-z]{3,}|\bchild(?:ren)?\b|\bdescendants\b")
_STAFF = re.compile(r"\b(?:direct\s+)?reports\b|\bsubordinates\b")
_REPORTS_TO = re.compile(r"^\s+(?:directly\s+)?(?:report|work|answer)[a-z]*\s+(?:to|for|under)\b")
_WHOM = re.compile(r"\b(?:to\s+)?(?:whom?|(?:which|what)\s+[a-z]+(?:\s+of\s+[a-z]+)?)\s+(?:do|does|did|is|was)\s+$")


@dataclass(frozen=True)
class Related:
    """What relations of a question mean.

    Attributes:
        clauses: Its conditions, those on the one above moved to the second copy of the table.
        target: The copy that is asked for ("who manages Ann Lee"); "" for none.
    """

    clauses: tuple[Clause, ...]
    target: str = ""


def read_existence(text: str, roles: Sequence[Role]) -> list[Clause]:
    """ "have a supervisor", "without a parent": the reference is not empty, or it is."""
    found = []
    for role in roles:
        match = re.search(
            rf"{_HELD}{re.escape(role.noun.split()[0])}s?\b(?!\s+(?:named|called|from|in|who|whose|that))", text
        )
        if match is not None:
            empty: Any = exp.Is(this=exp.column(role.column, table=role.base), expression=exp.Null())
            test = empty if match[1] or match[2] else exp.Not(this=empty)
            found.append(Clause(match.start(), match.end(), (Option(0.9, test, (role.base,), "null"),)))
    return found


def acting_role(text: str, roles: Sequence[Role]) -> Role | None:
    """The role that a question counts others of: "the most subcategories", "which member referred the most others"."""
    for role in roles:
        verb = rf"\b(?:which|what|who|members?|people|[a-z]+)\s+(?:has\s+|have\s+)?{_root(role)}[a-z]*\s+"
        counted = r"(?:the\s+(?:most|fewest|least)|more\s+than|at\s+least|fewer\s+than|exactly|\d+)\s"
        if (
            re.search(verb + counted, text)
            or (role.is_parent and _PARTS.search(text))
            or (role.leads and _STAFF.search(text))
        ):
            return role
    return None


def lift(draft: Draft, role: Role) -> None:
    """Counts of a table per row of the same table are per row of the second copy."""
    slots = [*draft.targets, *(slot for slot, _ in draft.order), *(list(one.slot) for one in draft.having)]
    counted = [term for slot in slots for term in slot[:1] if term.kind == "measure" and term.table == role.base]
    if not counted:
        return
    draft.groups = [_lifted(slot, role) for slot in draft.groups]
    if not draft.groups:
        draft.targets = [_lifted(slot, role) for slot in draft.targets]
        draft.subject = role.name if draft.subject == role.base else draft.subject


def _lifted(slot: Sequence[Term], role: Role) -> list[Term]:
    own = [term for term in slot if term.table == role.base and term.kind != "measure"]
    if not own or own[0] is not slot[0]:
        return list(slot)
    return [_moved(term, role) if term in own else term for term in slot]


def _moved(term: Term, role: Role) -> Term:
    shown = [node.copy() for node in term.expressions]
    for node in shown:
        for part in node.find_all(exp.Column):
            if part.table == role.table:
                part.set("table", exp.to_identifier(role.name))
    return replace(term, table=role.name, expressions=tuple(shown))


def read_relations(text: str, clauses: Sequence[Clause], roles: Sequence[Role]) -> Related:
    """The conditions of a question with relations read.

    Args:
        text: The question in lower case.
        clauses: Its conditions.
        roles: Of references from a table to itself.
    """
    found: list[Clause] = []
    changed: list[Clause] = []
    target = ""
    for named in _names(text, clauses):
        whole = Clause(named[0].start, named[-1].end, named[0].options)
        above, role = _first_role(text, whole, roles, _asked_above)
        if above is not None and role is not None:
            target = role.name
            moved = [*named[:-1], replace(named[-1], end=above[1])]
            changed += [replace(moved[0], start=above[0]), *moved[1:]]
            continue
        span, role = _first_role(text, whole, roles, _below)
        if span is None or role is None:
            found += named
            continue
        moved = [replace(one, options=_moved_options(one, role)) for one in named]
        moved[0] = replace(moved[0], start=span[0])
        moved[-1] = replace(moved[-1], end=span[1])
        changed += moved
    # "managed by Ann Lee" asks for no manager by position.
    kept = [one for one in found if all(one.end <= c.start or c.end <= one.start for c in changed)]
    return Related(tuple(sorted([*kept, *changed], key=lambda one: one.start)), target)


def _names(text: str, clauses: Sequence[Clause]) -> list[list[Clause]]:
    """Clauses, those of a first and a last name together."""
    found: list[list[Clause]] = []
    for clause in clauses:
        before = found[-1][-1] if found else None
        if before is not None and clause.start > before.end and not text[before.end : clause.start].strip():
            tables = {name for option in before.options for name in option.tables}
            if all(one.options[0].kind == "value" for one in (before, clause)) and tables & set(
                clause.options[0].tables
            ):
                found[-1].append(clause)
                continue
        found.append([clause])
    return found


def _first_role(
    text: str, clause: Clause, roles: Sequence[Role], read: _Reader
) -> tuple[tuple[int, int] | None, Role | None]:
    for role in roles:
        if any(role.table in option.tables for option in clause.options):
            span = read(text, clause, role)
            if span is not None:
                return span, role
    return None, None


def _moved_options(clause: Clause, role: Role) -> tuple[Option, ...]:
    return tuple(to_role(option, role) for option in clause.options if role.table in option.tables) or clause.options


def to_role(option: Option, role: Role) -> Option:
    """The same test on the second copy of the table."""
    test = option.test.copy()
    for node in test.find_all(exp.Column):
        if node.table == role.table and node.find_ancestor(exp.Query) is None:
            node.set("table", exp.to_identifier(role.name))
    tables = tuple(role.name if name == role.table else name for name in option.tables)
    # The first copy holds the reference.
    return replace(option, test=test, tables=(role.base, *(name for name in tables if name != role.base)))


def _root(role: Role) -> str:
    """What verbs and nouns of the role begin with: "manag", "refer"."""
    word = role.noun.split()[0]
    root = _ENDING.sub("", word)
    root = root[:-1] if len(root) > 4 and root[-1:] == root[-2:-1] else root
    return re.escape(root if len(root) >= 4 else word)


def _asked_above(text: str, clause: Clause, role: Role) -> tuple[int, int] | None:
    """The span of "who manages X" and "who does X report to"; None where the one above is not asked for."""
    begin = max(0, clause.start - _NEAR)
    before, after = text[begin : clause.start], text[clause.end : clause.end + _NEAR]
    root = _root(role)
    who = re.search(rf"\bwho(?:\s+has)?\s+{root}[a-z]*\s+(?:the\s+)?$", before)
    if who is None and role.leads:
        who = _WHO_LEADS.search(before)
    if who is not None:
        return begin + who.start(), clause.end
    whom = _WHOM.search(before)
    tail = (_REPORTS_TO.match(after) if role.leads else None) or re.match(rf"^\s+{root}[a-z]*\s+by\b", after)
    if whom is not None and tail is not None:
        return begin + whom.start(), clause.end + tail.end()
    return None


def _below(text: str, clause: Clause, role: Role) -> tuple[int, int] | None:
    """The span of a condition on the one above with the words that say so; None where it is on another."""
    begin = max(0, clause.start - _NEAR)
    before, after = text[begin : clause.start], text[clause.end : clause.end + _NEAR]
    root = _root(role)
    match = re.search(
        rf"\b(?:(?:who|that|whose|with|have|has)\s+)?(?:(?:were|was|are|is|been)\s+)?(?:the\s+|an?\s+)?{root}[a-z]*\s+"
        rf"(?:[a-z]+\s+)?(?:by|is|was|=|named|called)\s+{_TITLE}",
        before,
    )
    if match is not None:
        return begin + match.start(), clause.end
    patterns = [*((_LED, _LED_OF) if role.leads else ()), *((_BELOW, _UNDER) if role.is_parent else ())]
    for pattern in patterns:
        match = pattern.search(before)
        if match is not None:
            return begin + match.start(match.re.groups), clause.end
    possessed = _POSSESSED.match(after) if role.leads or role.is_parent else None
    if possessed is not None:
        return clause.start, clause.end + possessed.end()
    if (role.leads or role.is_parent) and _OF_WHOM.search(before) and _HAVE.match(after):
        return clause.start, clause.end
    verb = re.match(rf"^\s+(?:directly\s+|has\s+|have\s+)?{root}[a-z]*", after)
    if verb is not None and re.search(r"\b(?:did|does|do|that|whom?|which|has)\s+(?:the\s+)?$|[a-z]s?\s+$", before):
        return clause.start, clause.end + verb.end()
    return None
