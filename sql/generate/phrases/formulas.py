"""Formulas and tests that people write over columns: "quantity * unit price * (1 - discount)", "tier = 'gold'"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp

from .functions import difference
from .plan import column, has_aggregate
from .term import is_moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .term import Topic
    from .terms import Terms

__all__ = ["read_formula", "read_test"]

_LONGEST = 300
_WORDS = (
    (re.compile(r"\s[−–]\s"), " - "),
    (re.compile(r"\bplus\b", re.IGNORECASE), " + "), (re.compile(r"\bminus\b", re.IGNORECASE), " - "),
    (re.compile(r"\b(?:times|multiplied\s+by)\b|[×·]", re.IGNORECASE), " * "),
    (re.compile(r"\bdivided\s+by\b|÷", re.IGNORECASE), " / "),
)  # fmt: skip
_SYMBOL = re.compile(r"\s*([*/()+]|\s-\s|,)\s*")
_NUMBER = re.compile(r"\d+(?:\.\d+)?%?")
_CALL = re.compile(r"(?:sum|avg|average|min|max|count|abs|round)", re.IGNORECASE)
_SIGN = re.compile(r"\s[+-]\s")
_PART = re.compile(r"\s([+-])\s+(\d+(?:\.\d+)?)\s?%")
_ARTICLE = re.compile(r"^(?:the|its|their|an?)\s+(?!sum\b|total\b)", re.IGNORECASE)
_NUMBER_OF = re.compile(r"^(?:the\s+)?(?:total\s+|overall\s+)?(?:number|count|no\.)\s+of\b", re.IGNORECASE)
_OF = re.compile(r"^(?:the\s+)?(sum|total|average|maximum|minimum)\s+(?:of\s+)?(?:all\s+)?(?:the\s+)?", re.IGNORECASE)
_OF_INNER = re.compile(
    r"\b(?:sum|total|average|maximum|minimum|count|number)\s+of\b|\b(?:sum|avg|count|min|max)\s*\(", re.IGNORECASE
)
_FUNCTIONS: dict[str, Any] = {
    "sum": exp.Sum,
    "total": exp.Sum,
    "average": exp.Avg,
    "maximum": exp.Max,
    "minimum": exp.Min,
}
_IS = re.compile(
    r"^\s*(?:the\s+)?(?P<left>[\w .]+?)\s+(?:is|are|equals?|being)\s+(?:either\s+)?(?P<right>[^=<>]+?)\s*$",
    re.IGNORECASE,
)
_PLAIN_WORDS = re.compile(
    r"\b(?:above|below|more|less|over|under|least|most|not|null|between|after|before|than|greater|fewer|highest|lowest|"
    r"where|who|that|which|with|defined|calculated|number|total|sum|average)\b",
    re.IGNORECASE,
)
_ITEMS = re.compile(r"\s*,\s*(?:or\s+)?|\s+or\s+", re.IGNORECASE)
_TEST = re.compile(
    r"^\s*(?P<left>[^=<>!'\"]+?)\s*(?:(?P<op><=|>=|!=|<>|==|=|<|>)|(?P<word>\bnot\s+in\b|\bin\b(?=\s*\()|\bnot\s+like\b|\blike\b|"
    r"\bis\b(?=\s+(?:not\s+)?null\b)|\bbetween\b))\s*(?P<right>.+?)\s*$",
    re.IGNORECASE,
)
_AND = re.compile(
    r"\s+(and|or)\s+(?=[^'\"]*?(?:[=<>]|\bin\s*\(|\blike\b|\bbetween\b|\bis\s+(?:not\s+)?null))", re.IGNORECASE
)
_RANGE = re.compile(r"\bbetween\s+\S+\s*$", re.IGNORECASE)
_ALLOWED = (
    exp.Binary, exp.Paren, exp.Neg, exp.Literal, exp.Column, exp.Identifier, exp.AggFunc, exp.Abs, exp.Round, exp.Not,
    exp.In, exp.Between, exp.Null, exp.Distinct, exp.Star, exp.Boolean, exp.Tuple,
)  # fmt: skip
_BARE_DAY = re.compile(r"(?<![\w'\"-])\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?)?(?![\w'\"-])")
_CLEAR = 0.6
_DEEPEST = 10
_MOST = 12  # operands


def read_formula(text: str, terms: Terms, topic: Topic) -> tuple[exp.Expression, float] | None:
    """The expression that a formula is, and how surely its columns are known, 0..1; None where it is none.

    A formula combines at least two operands, each a number, a column by its name or in words, or an aggregate.
    """
    if len(text) > _LONGEST:
        return None
    text = _with_symbols(text)
    whole = _OF.match(text.strip())
    inner = text.strip()[whole.end() :] if whole else ""
    if whole is not None and _SYMBOL.search(inner.strip()) and not _OF_INNER.search(inner):
        # "sum of price * quantity" sums the products.
        found = read_formula(inner, terms, topic)
        if found is not None and not has_aggregate(found[0]):
            return _FUNCTIONS[whole[1].lower()](this=found[0]), found[1]
    pieces = [piece.strip() for piece in _SYMBOL.split(f" {text.strip(' .')} ")]
    pieces = [piece for piece in pieces if piece]
    held: dict[str, exp.Expression] = {}
    written, score = [], 1.0
    for number, piece in enumerate(pieces):
        if piece in {"*", "/", "(", ")", "+", "-", ","} or _NUMBER.fullmatch(piece):
            written.append(_share(piece))
        elif _CALL.fullmatch(piece) and pieces[number + 1 : number + 2] == ["("]:
            written.append("avg" if piece.lower() == "average" else piece)
        else:
            found = _operand(piece, terms, topic)
            if found is None or len(held) == _MOST:
                return None
            name = f"operand{len(held)}"
            held[name], score = found[0], min(score, found[1])
            written.append(name)
    if len(pieces) < 3 or not held:
        return None
    tree = _parsed(" ".join(written), terms)
    return None if tree is None else (_with_times(_filled(tree, held), terms, topic), score)


def _with_symbols(text: str) -> str:
    """Words for operators as symbols; "price minus 10%" is nine tenths of the price."""
    for pattern, symbol in _WORDS:
        text = pattern.sub(symbol, text)
    if len(_SIGN.findall(text)) == 1:
        text = _PART.sub(lambda match: f" * (1 {match[1]} {match[2]}%)", text)
    return text


def _share(piece: str) -> str:
    return str(float(piece[:-1]) / 100) if piece.endswith("%") else piece


def _parsed(text: str, terms: Terms) -> Any:
    if text.count("(") > _DEEPEST:
        return None  # the parser recurses
    try:
        tree = sqlglot.parse_one(text, dialect=terms.lexicon.view.schema.dialect)
    except sqlglot.errors.SqlglotError:
        return None
    # Only arithmetic, aggregates, literals and names: evidence is not trusted.
    return tree if all(isinstance(node, _ALLOWED) for node in tree.walk()) else None


def _filled(tree: exp.Expression, held: Mapping[str, exp.Expression]) -> Any:
    """The tree with the operands in place of their names; a quotient of whole numbers keeps its fraction."""
    tree = tree.transform(
        lambda node: held[node.name].copy() if isinstance(node, exp.Column) and node.name in held else node
    )
    for node in list(tree.find_all(exp.Div)):
        if not isinstance(node.this, exp.Cast):
            node.set("this", exp.Cast(this=node.this, to=exp.DataType.build("double")))
        node.set("expression", exp.Nullif(this=node.expression, expression=exp.Literal.number(0)))
    return tree


def _with_times(tree: Any, terms: Terms, topic: Topic) -> Any:
    """Two days or times less each other as the time between them, in the unit that the question asks for."""
    dialect = terms.lexicon.view.schema.dialect
    for node in list(tree.find_all(exp.Sub)):
        sides = [terms.facts(side) for side in (node.this, node.expression)]
        if all(facts is not None and is_moment(facts) for facts in sides):
            between: Any = exp.Paren(this=difference(node.this, node.expression, topic.unit, dialect))
            if node is tree:
                return between
            node.replace(between)
    return tree


def _operand(text: str, terms: Terms, topic: Topic) -> tuple[exp.Expression, float] | None:
    text = _ARTICLE.sub("", text)
    exact = _exact(text, terms, topic)
    if exact is not None:
        return exact, 1.0
    if _NUMBER_OF.match(text):
        return None  # a count, of perhaps only some rows
    whole = _OF.match(text)
    inner = text[whole.end() :] if whole else text
    for term in terms.read(inner, topic, most=6):
        if len(term.expressions) != 1 or term.score < _CLEAR:
            continue
        facts = terms.facts(term.expressions[0])
        if facts is not None and (facts.kind == "number" or (is_moment(facts) and not whole)):
            node = term.expressions[0].copy()
            return (_FUNCTIONS[whole[1].lower()](this=node) if whole else node), term.score
    return None


def _exact(text: str, terms: Terms, topic: Topic) -> exp.Expression | None:
    """The column of that name, perhaps after its table; of the tables that are spoken of where several have it."""
    table, _, name = text.strip('`"[] ').rpartition(".")
    name, table = name.strip('`"[] ').casefold(), table.strip('`"[] ').casefold()
    if not re.fullmatch(r"[\w ]+", name):
        return None
    roles = terms.lexicon.roles.by_name
    found = [
        facts
        for facts in terms.lexicon.view.columns
        if facts.ref.column.casefold() in {name, name.replace(" ", "_"), name.replace(" ", "")}
        if table in ("", facts.ref.table.casefold()) and facts.ref.table not in roles
    ]
    found.sort(key=lambda facts: -topic.focus.get(facts.table, 0.0) - (topic.owner == facts.table))
    return column(found[0].ref) if found else None


def read_test(text: str, terms: Terms, topic: Topic) -> tuple[exp.Expression, float] | None:
    """The condition that "tier = 'gold' and points > 100" is, and how surely its columns are known; None for none."""
    if len(text) > _LONGEST:
        return None
    parts, joints, place = [], [], 0
    for match in _AND.finditer(text):
        if _RANGE.search(text[place : match.start()]):
            continue  # "between 1 and 5"
        parts.append(text[place : match.start()])
        joints.append(match[1].lower())
        place = match.end()
    parts.append(text[place:])
    tests = [_test(part, terms, topic) for part in parts]
    if not tests or any(test is None for test in tests):
        return None
    known = [test for test in tests if test is not None]
    node: Any = known[0][0]
    for joint, (other, _) in zip(joints, known[1:], strict=True):
        node = exp.and_(node, other) if joint == "and" else exp.or_(node, other)
    return node, min(score for _, score in known)


def _test(text: str, terms: Terms, topic: Topic) -> tuple[exp.Expression, float] | None:
    match = _TEST.match(text.strip(" ."))
    if match is None:
        return _equality(text.strip(" ."), terms, topic)
    left = match["left"].strip()
    formula = read_formula(left, terms, topic)
    found = formula or _named(left, terms, topic)
    if found is None:
        return None
    op = match["op"] or match["word"]
    right = match["right"]
    if re.fullmatch(r"[^\W\d][\w -]*", right) and match["op"]:
        other = _exact(right, terms, topic)
        right_node = other or exp.Literal.string(right)
        tree = _parsed(f"operand0 {op} operand1", terms)
        return None if tree is None else (_filled(tree, {"operand0": found[0], "operand1": right_node}), found[1])
    tree = _parsed(f"operand0 {op} {_plain(right)}", terms)
    if tree is None or any(node.name != "operand0" for node in tree.find_all(exp.Column)):
        return None
    return _filled(tree, {"operand0": found[0]}), found[1]


def _equality(text: str, terms: Terms, topic: Topic) -> tuple[exp.Expression, float] | None:
    """ "class is business or first", where the left side is a column by its name."""
    match = _IS.match(text)
    left = _exact(match["left"], terms, topic) if match is not None else None
    if match is None or left is None or _PLAIN_WORDS.search(match["right"]):
        return None
    items = [item.strip(" '\"") for item in _ITEMS.split(match["right"])]
    values: list[Any] = [
        exp.Literal.number(item) if _NUMBER.fullmatch(item) else exp.Literal.string(item) for item in items if item
    ]
    if not values or any(len(item.split()) > 3 for item in items):
        return None
    test: Any = exp.In(this=left, expressions=values) if len(values) > 1 else exp.EQ(this=left, expression=values[0])
    return test, 1.0


def _plain(right: str) -> str:
    """Numbers without their thousands, texts and days in single quotes: 2016-01-01 is no difference."""
    right = _BARE_DAY.sub(r"'\g<0>'", right)
    right = re.sub(r"(?<=\d),(?=\d{3}\b)", "", right)
    return re.sub(r"[\"“”]([^\"“”']*)[\"“”]", r"'\1'", right)


def _named(text: str, terms: Terms, topic: Topic) -> tuple[exp.Expression, float] | None:
    exact = _exact(text, terms, topic)
    if exact is not None:
        return exact, 1.0
    for term in terms.read(re.sub(r"^(?:where|whose|with)\s+", "", text.lower()), topic, most=4):
        if term.kind == "column" and len(term.expressions) == 1 and term.score >= _CLEAR:
            return term.expressions[0].copy(), term.score
    return None
