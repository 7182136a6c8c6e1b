"""Follow-up questions made by rule from the questions of a benchmark, with the benchmark's own queries as references.

No conversations (SParC, CoSQL) are among the data here. So two questions on one database are looked for whose gold
queries differ in one thing only, and a follow-up is written that names that thing, by the templates below; the second
question is the reference. What is `swapped` is made: another stored value, or another number, is put into a question
and its query in the place of its own. The templates know the names of columns as the schema writes them, which people
do not always use: the figures compare ways to treat the same follow-ups, they do not tell how people ask.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from itertools import permutations

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from ctxprune.sql.linking.words import natural

_OPS = {exp.EQ: "whose {c} is {v}", exp.GT: "with {c} more than {v}", exp.LT: "with {c} less than {v}",
        exp.GTE: "with {c} at least {v}", exp.LTE: "with {c} at most {v}"}  # fmt: skip
_AGGREGATES = {exp.Avg: "average", exp.Max: "maximum", exp.Min: "minimum", exp.Sum: "total"}
_PARTS = ("expressions", "distinct", "from_", "joins", "where", "group", "having", "order", "limit")
_PREPOSITION = re.compile(r"\b(in|from|for|of|by|at|on|with|before|after|above|below)\s+(?:the\s+)?['\"“]?\Z", re.I)


@dataclass(frozen=True)
class Case:
    """A follow-up: what was asked before, what is asked, and what it means."""

    kind: str
    db_id: str
    before: str
    asked: str
    full: str
    gold: str
    evidence: str = ""


def natural_cases(items, seed, most=3):
    """Pairs of questions whose queries differ in one value, the SELECT list, one condition, or the order; at most so
    many for one first question and kind, each with another follow-up."""
    rng = random.Random(seed)
    by_database = {}
    for item in items:
        tree = _tree(item.gold)
        if tree is not None:
            by_database.setdefault(item.db_id, []).append((item, tree))
    cases = []
    for group in by_database.values():
        known = {}
        for name, one, tree, two, other in _pairs(group):
            found = _difference(name, tree, other)
            if found is not None:
                known.setdefault((one.index, found[0]), {}).setdefault(found[1], []).append((one, two))
        for (_, kind), texts in known.items():
            for text in rng.sample(sorted(texts), min(most, len(texts))):
                one, two = rng.choice(texts[text])
                cases.append(Case(kind, one.db_id, one.question, text, two.question, two.gold, two.evidence))
    return cases


def swapped_cases(items, values, seed):
    """Questions with another stored value, or another number, in the place of their query's only one for that column;
    `values(db_id, column, text)` gives texts that the column stores beside that one."""
    rng = random.Random(seed)
    cases = []
    for item in items:
        tree = _tree(item.gold)
        literals = list(tree.find_all(exp.Literal)) if tree is not None else []
        for literal in literals:
            places = [found.start() for found in re.finditer(rf"(?<!\w){re.escape(literal.name)}(?!\w)", item.question)]
            column = literal.parent.find(exp.Column)
            same = [one for one in literals if one.name == literal.name or one.parent.find(exp.Column) == column]
            if len(places) != 1 or len(same) != 1 or isinstance(literal.parent, exp.Limit):
                continue
            if literal.is_string:
                others = values(item.db_id, column.name, literal.name) if column is not None else []
            else:
                others = _numbers(literal.name)
            if not others:
                continue
            new, at = rng.choice(sorted(others)), places[0]
            full = item.question[:at] + new + item.question[at + len(literal.name) :]
            word = _PREPOSITION.search(item.question[:at])
            forms = [f"what about {new}?", f"and {new}?", *([f"and {word[1].lower()} {new}?"] * 2 if word else ())]
            kind = "swapped value" if literal.is_string else "swapped number"
            literal.set("this", new)
            cases.append(
                Case(kind, item.db_id, item.question, rng.choice(forms), full, tree.sql("sqlite"), item.evidence)
            )
            break
    return cases


def _numbers(text):
    if not text.isdigit():
        return []
    number = int(text)
    return [str(number + step) for step in (1, 2, 3)] if 1900 <= number <= 2100 else [str(number * 2), str(number + 10)]


def _tree(sql):
    try:
        tree = sqlglot.parse_one(sql, dialect="sqlite")
    except SqlglotError:
        return None
    for name in tree.find_all(exp.Identifier):
        if not name.quoted:
            name.set("this", name.this.lower())
    for column in list(tree.find_all(exp.Column)):  # "France" in double quotes is a text
        if column.this.quoted and not column.table and isinstance(column.parent, exp.Predicate):
            column.replace(exp.Literal.string(column.name))
    return tree if isinstance(tree, exp.Select) else None


def _pairs(group):
    """Pairs of items of one database whose queries differ in one part only, with that part's name."""
    texts = [{name: _text(tree.args.get(name)) for name in _PARTS} for _, tree in group]
    for name in ("expressions", "where", "order"):
        alike = {}
        for number, parts in enumerate(texts):
            alike.setdefault(repr([parts[other] for other in _PARTS if other != name]), []).append(number)
        for numbers in alike.values():
            for one, two in permutations(numbers, 2):
                if texts[one][name] != texts[two][name]:
                    yield name, *group[one], *group[two]


def _difference(name, one, two):
    """The kind of a follow-up, and its words; None where there are none for it."""
    if name == "expressions":
        return _selected(two)
    if name == "order":
        return _ordered(two) if not one.args.get("order") and not two.args.get("limit") else None
    return _condition(one, two)


def _text(part):
    if isinstance(part, list):
        return [_text(one) for one in part]
    return part.sql("sqlite") if part is not None else ""


def _selected(two):
    items = two.expressions
    if len(items) != 1 or two.args.get("group"):
        return None
    item = items[0]
    if isinstance(item, exp.Column):
        return "attribute", f"and their {natural(item.name)}?"
    if type(item) in _AGGREGATES and isinstance(item.this, exp.Column):
        return "attribute", f"what is their {_AGGREGATES[type(item)]} {natural(item.this.name)}?"
    if isinstance(item, exp.Count) and isinstance(item.this, exp.Star):
        return "attribute", "how many are there?"
    return None


def _ordered(two):
    keys = two.args["order"].expressions
    if len(keys) != 1 or not isinstance(keys[0].this, exp.Column):
        return None
    return (
        "order",
        f"sort them by {natural(keys[0].this.name)}{' in descending order' if keys[0].args.get('desc') else ''}",
    )


def _condition(one, two):
    before = set(map(_text, _conjuncts(one)))
    after = _conjuncts(two)
    new = [part for part in after if _text(part) not in before]
    if len(new) != 1 or type(new[0]) not in _OPS or not isinstance(new[0].this, exp.Column):
        return None
    value = new[0].expression
    if not isinstance(value, exp.Literal):
        return None
    if len(after) == len(before):
        gone = before - set(map(_text, after))
        like = [part for part in _conjuncts(one) if _text(part) in gone and type(part) is type(new[0])]
        same = len(like) == 1 and _text(like[0].this) == _text(new[0].this)
        return ("value", f"what about {value.name}?") if same else None
    if len(after) == len(before) + 1:
        words = _OPS[type(new[0])].format(c=natural(new[0].this.name), v=value.name)
        return "condition", f"only those {words}"
    return None


def _conjuncts(tree):
    where = tree.args.get("where")
    if where is None:
        return []
    return list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
