"""Random statements over scopes: every name is chosen with a view to what it means where it stands.

Most names are visible and mean something, so that most statements run. Now and then, as often as the statement's own
share of bait says, a name is a hidden one, or one that only a wrong reading of the scopes would allow.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from .tables import DATABASE, HIDDEN, TABLES, Relation
from .templates import EXPRESSIONS, FROM_FUNCTIONS, ITEMS, LITERALS, NAMES, TAILS

__all__ = ["Statement", "Writer"]

_HOLE = re.compile(r"@([a-z]+_?[a-z]*)")
_BAIT = re.compile(
    r"@h|@x|vault|rowid|oid|docs|title|body|ctid|\b(?:area|id|name|ssn)\(|DEFAULT|VALUES\(|attrs|\[4\]|@a\b(?!\.@c)"
)
_SHARES = (0.0, 0.0, 0.0, 0.02, 0.05, 0.15, 0.3)
"""Shares of bait, one drawn for each statement."""
_MOST = 40
"""Expansions of a statement, after which only leaves follow."""
_SPACE = {"sqlite": "main", "duckdb": "main", "postgres": "public", "mysql": DATABASE}
_KEYS = ("a", "b", "city", "ssn")


class Statement(NamedTuple):
    """A text, and the templates of bait that are in it."""

    sql: str
    bait: tuple[str, ...]


@dataclass
class _Source:
    """An entry of FROM: `alias` is "" for a lambda's parameter; `columns` are kinds by name."""

    alias: str
    columns: dict[str, str]


@dataclass
class _Scope:
    """A query under construction; `local` is a lambda inside it."""

    sources: list[_Source] = field(default_factory=list)
    local: bool = False


class _Split(NamedTuple):
    plain: tuple[str, ...]
    windows: tuple[str, ...]
    bait: tuple[str, ...]


def _split(templates: tuple[str, ...]) -> _Split:
    bait = tuple(text for text in templates if _BAIT.search(text))
    windows = tuple(text for text in templates if " OVER (" in text and text not in bait)
    return _Split(tuple(t for t in templates if t not in bait and t not in windows), windows, bait)


_EXPRESSIONS = {
    dialect: {kind: (common, _split(own)) for kind, (common, own) in kinds.items()}
    for dialect, kinds in EXPRESSIONS.items()
}


class Writer:
    """Writes statements of one dialect; the same seed gives the same statements.

    Args:
        dialect: sqlite, duckdb, postgres or mysql.
        seed: Of the first statement; `statement(n)` depends on seed and n alone.
    """

    def __init__(self, dialect: str, seed: int = 0) -> None:
        self.dialect = dialect
        self._seed = seed
        self._spaces = dialect in ("postgres", "duckdb")
        tables = [table for table in TABLES if self._spaces or not table.space]
        self._visible = [table for table in tables if not table.hidden]
        self._hidden = [table for table in tables if table.hidden]
        self._names = [name for name in NAMES if dialect != "mysql" or name != "key"]

    def statement(self, number: int) -> Statement:
        """The statement of that number, 0 or more."""
        self._random = random.Random(f"{self.dialect} {self._seed} {number}")
        self._share = self._pick(_SHARES)
        self._left, self._used = _MOST, list[str]()
        self._scopes: list[_Scope] = []
        self._ctes: dict[str, dict[str, str]] = {}
        self._clause = ""
        sql = self._statement()
        return Statement(sql, tuple(sorted(set(self._used))))

    # Chance

    def _pick(self, options: tuple[str, ...] | list[str] | tuple[float, ...]) -> str:
        return self._random.choice(options)  # type: ignore[return-value]

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _bait(self, template: str) -> bool:
        """Whether bait is laid here; it is noted under `template`."""
        if self._chance(self._share):
            self._used.append(template)
            return True
        return False

    def _spell(self, name: str) -> str:
        """A name as it may be written: quoted now and then, in another case where that is the same name."""
        state = self._random.random()
        if state < 0.05:
            return f"`{name}`" if self.dialect == "mysql" else f'"{name}"'
        if state < 0.08:
            return name.upper()
        return name

    # Statements and queries

    def _statement(self) -> str:
        clause = ""
        if self._chance(0.18):
            clause = f"WITH {'RECURSIVE ' if self._chance(0.3) else ''}{self._cte()}"
            if self._chance(0.3):
                clause += f", {self._cte()}"
            clause += " "
        return clause + self._body(2)

    def _body(self, depth: int) -> str:
        if self._chance(0.12):
            return self._set_operation(depth)
        if self.dialect == "duckdb" and self._bait("FROM first"):
            return self._from_first(depth)
        return self._query(depth)[0]

    def _from_first(self, depth: int) -> str:
        self._scopes.append(_Scope())
        text = self._from(depth)
        tail = self._pick(("", f" SELECT {self._expression('t', 1)}", f" WHERE {self._expression('b', 1)}"))
        self._scopes.pop()
        head = self._pick(("FROM", "FROM", "PIVOT", "UNPIVOT"))
        if head == "FROM":
            return f"FROM {text}{tail}"
        name = self._pick((*HIDDEN, "id", "name", "city", "status"))
        if head == "PIVOT":
            return f"PIVOT {text} ON {name} USING {self._pick(('count(*)', 'max(id)', f'max({self._pick(HIDDEN)})'))}"
        return f"UNPIVOT {text} ON {self._pick((name, 'COLUMNS(*)::VARCHAR', f'{name}::VARCHAR'))} INTO NAME k VALUE w"

    def _set_operation(self, depth: int) -> str:
        wanted = self._random.choice((("n",), ("t",), ("n", "t"), ("t", "t")))
        left, columns = self._query(depth - 1, wanted, ordered=False)
        right, _ = self._query(depth - 1, wanted, ordered=False)
        words = ("UNION", "UNION ALL", "EXCEPT", "INTERSECT")
        word = self._pick((*words, "UNION BY NAME") if self.dialect == "duckdb" else words)
        order = ""
        if self._chance(0.3):
            names = [name for name, _ in columns if name]
            order = f" ORDER BY {self._pick([*names, '1'])}"
            if self._bait("ORDER BY of a set operation"):
                order = f" ORDER BY {self._name()}"
        return f"{left} {word} {right}{order}"

    def _cte(self) -> str:
        name = self._pick(self._names) if self._chance(0.6) else self._pick([t.name for t in self._visible + self._hidden])
        if self._chance(0.15):
            columns = {"n": "n"}
            declared, body = "(n)", f"SELECT 1 UNION ALL SELECT n + 1 FROM {name} WHERE n < 3"
        else:
            wanted = None if self._chance(0.5) else ("n", "t")
            body, found = self._query(1, wanted)
            declared = ""
            if wanted and self._chance(0.4):
                names = self._random.sample(self._names, len(wanted))
                declared, found = f"({', '.join(names)})", list(zip(names, wanted, strict=True))
            columns = {column: kind for column, kind in found if column}
        self._ctes[name] = columns
        return f"{name}{declared} AS ({body})"

    def _query(
        self, depth: int, wanted: tuple[str, ...] | None = None, *, ordered: bool = True, single: bool = False
    ) -> tuple[str, list[tuple[str, str]]]:
        """A SELECT, and its output columns; "" for one without a name. `single`: of one row."""
        self._scopes.append(_Scope())
        text = self._from(depth)
        where = f" WHERE {self._expression('b', depth)}" if self._chance(0.35) else ""
        kinds = wanted or tuple(self._random.choice("nnttj") for _ in range(self._random.randint(1, 3)))
        grouped = single or self._chance(0.15)
        if grouped:
            items, columns, tail = self._grouped(kinds, depth, single)
        else:
            items, columns, tail = self._plain(kinds, depth, wanted is None)
        tail += self._order(columns, depth) if ordered and not grouped else ""
        self._scopes.pop()
        return f"SELECT {', '.join(items)} FROM {text}{where}{tail}", columns

    def _plain(self, kinds: tuple[str, ...], depth: int, free: bool) -> tuple[list[str], list[tuple[str, str]], str]:
        items, columns = [], []
        self._clause = "select"
        for kind in kinds:
            text, name = self._item(kind, depth)
            items.append(text)
            columns.append((name, kind))
        if free and self._chance(0.25):
            text, more = self._star()
            items.append(text)
            columns += more
        self._clause = ""
        if self._spaces and kinds == ("n",) and self._chance(0.2):
            key = self._expression("n", 0)
            items, columns = [f"DISTINCT ON ({key}) {key} AS key"], [("key", "n")]
        elif self._chance(0.08):
            items[0] = f"DISTINCT {items[0]}"
        return items, columns, ""

    def _item(self, kind: str, depth: int) -> tuple[str, str]:
        """A column of the result, and its name; "" for none."""
        if self._chance(0.4):
            found = self._column(kind)
            if found is not None:
                text, name = found
                return text, name
        text = self._expression(kind, depth)
        if self._chance(0.6):
            name = self._pick(self._names)
            return f"{text} AS {name}", name
        return text, ""

    def _star(self) -> tuple[str, list[tuple[str, str]]]:
        sources = self._scopes[-1].sources
        if self._share and self._chance(0.5):
            template = self._pick(ITEMS[self.dialect])
            self._used.append(template)
            return self._fill(template, 0), []
        if self._chance(0.5):
            source = self._random.choice(sources)
            return f"{source.alias}.*", list(source.columns.items())
        return "*", [item for source in sources for item in source.columns.items()]

    def _grouped(
        self, kinds: tuple[str, ...], depth: int, single: bool
    ) -> tuple[list[str], list[tuple[str, str]], str]:
        key = None if single else self._column("t") or self._column("n")
        items, columns, groups = [], [], ""
        for kind in kinds:
            inner = self._expression(kind if kind in "nt" else "n", min(depth, 1))
            text = f"{self._pick(('max', 'min', 'count') if kind == 'n' else ('max', 'min'))}({inner})"
            name = self._pick(self._names) if self._chance(0.6) else ""
            items.append(f"{text} AS {name}" if name else text)
            columns.append((name, kind))
        if key is not None:
            term = self._pick((key[0], key[0], self._name())) if self._share else key[0]
            groups = f" GROUP BY {term}"
        if groups and self._chance(0.4):
            number = self._expression("n", 0)
            groups += f" HAVING {self._pick(('count(*) > 1', f'max({number}) > 1', f'min({number}) < 3'))}"
        return items, columns, groups

    def _order(self, columns: list[tuple[str, str]], depth: int) -> str:
        names = [name for name, _ in columns if name]
        state = self._random.random()
        if state < 0.1 and names:
            return f" ORDER BY {self._pick(names)}"
        if state < 0.2:
            return f" ORDER BY {self._expression('n', min(depth, 1))}"
        if state < 0.26 and self._share:
            return f" ORDER BY {self._name()}{self._pick((' DESC', '', ' + 1'))}"
        if state < 0.3 and self._share:
            template = self._pick(TAILS[self.dialect])
            return f" {self._fill(template, 0)}"
        return ""

    # FROM

    def _from(self, depth: int) -> str:
        comma = self._chance(0.4)
        text = self._source(depth)
        for _ in range(self._random.choice((0, 0, 0, 1, 1, 2))):
            before = [column for source in self._scopes[-1].sources for column in source.columns]
            more = self._source(depth)
            text += f", {more}" if comma else self._join(more, before)
        return text

    def _join(self, more: str, before: list[str]) -> str:
        common = [name for name in self._scopes[-1].sources[-1].columns if before.count(name) == 1]
        state = self._random.random()
        if state < 0.25:
            return f" CROSS JOIN {more}"
        if state < 0.4:
            return f" NATURAL {self._pick(('', '', 'LEFT '))}JOIN {more}"
        if state < 0.55 and (common or self._share):
            name = self._pick(common) if common and not self._bait("USING hidden") else self._pick(HIDDEN)
            return f" JOIN {more} USING ({name})"
        kinds = ("JOIN", "LEFT JOIN", "INNER JOIN") + (("SEMI JOIN", "ANTI JOIN") if self.dialect == "duckdb" else ())
        kind = self._pick(kinds)
        text = f" {kind} {more} ON {self._expression('b', 1)}"
        if kind in ("SEMI JOIN", "ANTI JOIN") and not self._bait("source of a semi join"):
            self._scopes[-1].sources.pop()  # it is out of sight from here on
        return text

    def _source(self, depth: int) -> str:
        state = self._random.random()
        if state < 0.2 and depth > 0 and self._left > 10:
            return self._derived(depth)
        if state < 0.28 and self._ctes:
            name = self._pick(list(self._ctes))
            return self._named(name, dict(self._ctes[name]), "")
        if state < 0.34 and self._scopes[-1].sources:
            return self._function()
        table: Relation = self._random.choice(self._hidden if self._bait("hidden table") else self._visible)
        columns = dict(self._ctes.get(table.name, table.visible) if not table.space else table.visible)
        space = table.space or (_SPACE[self.dialect] if self._chance(0.1) and table.name not in self._ctes else "")
        if self.dialect == "duckdb" and space and self._chance(0.2):
            space = f"memory.{space}"
        return self._named(table.name, columns, space)

    def _named(self, name: str, columns: dict[str, str], space: str) -> str:
        text = f"{space}.{self._spell(name)}" if space else self._spell(name)
        if self._chance(0.45) or self._taken(name):
            alias = self._alias()
            text += f"{self._pick((' AS', ''))} {alias}"
            if self._spaces and columns and self._chance(0.06):
                names = self._random.sample(self._names, min(len(columns), self._random.randint(1, 3)))
                text += f"({', '.join(names)})"
                old = list(columns.items())
                new = zip(names, (kind for _, kind in old), strict=False)
                columns = {**dict(new), **dict(old[len(names) :])}
        else:
            alias = name if not space or self._chance(0.7) else f"{space.split('.')[-1]}.{name}"
        self._scopes[-1].sources.append(_Source(alias, columns))
        return text

    def _taken(self, alias: str) -> bool:
        return any(source.alias.split(".")[-1] == alias for source in self._scopes[-1].sources)

    def _alias(self) -> str:
        alias = self._pick(self._names)
        while self._taken(alias):
            alias = self._pick(self._names)
        return alias

    def _derived(self, depth: int) -> str:
        lateral = self._spaces and self._chance(0.3) and bool(self._scopes[-1].sources)
        outer = self._scopes
        # MariaDB knows no correlated derived table at all
        self._scopes = outer if lateral else [] if self.dialect == "mysql" else outer[:-1]
        clause, self._clause = self._clause, ""
        text, columns = self._query(depth - 1)
        self._scopes, self._clause = outer, clause
        alias = self._alias()
        self._scopes[-1].sources.append(_Source(alias, {name: kind for name, kind in columns if name}))
        return f"{'LATERAL ' if lateral else ''}({text}) AS {alias}"

    def _function(self) -> str:
        options = FROM_FUNCTIONS[self.dialect]
        template, given = self._random.choice([one for one in options if self._share or not _BAIT.search(one[0])])
        if _BAIT.search(template):
            self._used.append(template)
        text, alias = self._fill(template, 0), self._alias()
        columns = dict(word.split(":") for word in given.split())
        if self._spaces:
            names = [self._pick(self._names) if self._chance(0.4) else name for name in columns]
            if len(set(names)) == len(names):
                columns = dict(zip(names, columns.values(), strict=True))
                self._scopes[-1].sources.append(_Source(alias, columns))
                return f"{text} AS {alias}({', '.join(names)})"
        self._scopes[-1].sources.append(_Source(alias, columns))
        return f"{text} AS {alias}"

    # Expressions

    def _expression(self, kind: str, depth: int) -> str:
        self._left -= 1
        common, own = _EXPRESSIONS[self.dialect][kind]
        if own.bait and self._chance(self._share):
            template = self._pick(own.bait)
            self._used.append(template)
            return self._fill(template, min(depth, 1))
        state = self._random.random()
        if depth <= 0 or self._left < 0 or state < 0.4 or not (common or own.plain):
            return self._leaf(kind)
        if self._clause == "select" and own.windows and state > 0.96:
            return self._fill(self._pick(own.windows), 0)
        template = self._pick(own.plain if own.plain and (state < 0.7 or not common) else common)
        return self._fill(template, depth - 1)

    def _leaf(self, kind: str) -> str:
        if kind == "b":
            left = self._column("n")
            if left is not None:
                return f"{left[0]} {self._pick(('<', '>', '=', '<='))} {self._leaf('n')}"
        found = self._column(kind) if self._chance(0.8) else None
        return found[0] if found is not None else self._pick(LITERALS[kind][self.dialect])

    def _fill(self, template: str, depth: int) -> str:
        return _HOLE.sub(lambda match: self._hole(match[1], depth), template)

    def _hole(self, name: str, depth: int) -> str:
        if len(name) == 1 and name in "ntjlsb":
            return self._expression(name, depth)
        if name[0] == "c" and len(name) == 2:
            found = self._column(name[1])
            return found[0] if found is not None else f"({self._pick(LITERALS[name[1]][self.dialect])})"
        if name[0] == "q":
            return self._inner(tuple(name[1:]) or ("n",), depth)
        if name.startswith("lam_"):
            return self._lambda(name[4:], depth)
        return self._words[name](self)

    def _inner(self, wanted: tuple[str, ...], depth: int) -> str:
        clause, self._clause = self._clause, ""
        local = self._scopes and self._scopes[-1].local
        if depth <= 0 or self._left < 8 or local:
            text = f"SELECT {self._leaf(wanted[0])}"
        else:
            text, _ = self._query(depth - 1, wanted, single=self._chance(0.8))
        self._clause = clause
        return text

    def _lambda(self, kind: str, depth: int) -> str:
        name = self._pick(self._names)
        body = self._inside(name, kind, depth)
        return f"{name} -> {body}" if self._chance(0.5) else f"lambda {name}: {body}"

    def _inside(self, name: str, kind: str, depth: int) -> str:
        self._scopes.append(_Scope([_Source("", {name: "t"})], local=True))
        text = self._expression(kind, min(depth, 1))
        if self._bait("field of a lambda's parameter"):
            text = f"{name}.{self._pick((*HIDDEN, 'id', 'name'))}"
        self._scopes.pop()
        return text

    def _comprehension(self) -> str:
        name = self._pick(self._names)
        body = self._inside(name, "t", 1)
        condition = f" IF {self._inside(name, 'b', 0)}" if self._chance(0.3) else ""
        return f"{body} FOR {name} IN {self._expression('l', 0)}{condition}"

    def _column(self, kind: str) -> tuple[str, str] | None:
        """A column of that kind in sight, and its name; None where there is none."""
        if self._bait("a hidden name"):
            name = self._pick(HIDDEN)
            return (f"{self._source_name()}.{name}", name) if self._chance(0.5) else (name, name)
        for scope in reversed(self._scopes):
            found = [(source, name) for source in scope.sources for name, own in source.columns.items() if own == kind]
            if found and (self._chance(0.85) or scope is self._scopes[0]):
                source, name = self._random.choice(found)
                return self._qualified(scope, source, name), name
        return None

    def _qualified(self, scope: _Scope, source: _Source, name: str) -> str:
        if not source.alias:
            return name
        alone = sum(name in other.columns for other in scope.sources) == 1 and scope is self._scopes[-1]
        text = self._spell(name)
        return text if alone and self._chance(0.6) else f"{source.alias}.{text}"

    def _source_name(self) -> str:
        names = [source.alias for scope in self._scopes for source in scope.sources if source.alias]
        return self._pick(names) if names else self._pick(self._names)

    def _name(self) -> str:
        """Any name: a hidden one, or one of the pool, which may be an alias in sight."""
        if self._share:
            self._used.append("any name")
        return self._pick(HIDDEN) if self._chance(0.6) else self._pick(self._names)

    _words: dict[str, Callable[[Writer], str]] = {
        "a": _source_name,
        "comp": _comprehension,
        "h": lambda self: self._pick(HIDDEN),
        "k": lambda self: self._pick(_KEYS),
        "v": lambda self: self._pick(("vault", "crypt", "customers")),
        "x": _name,
    }
