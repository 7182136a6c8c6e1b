"""Random statements over scopes: every name is chosen with a view to what it means where it stands.

Most names are visible and mean something, so that most statements run. Now and then, as often as the statement's own
share of bait says, a name is a hidden one, or one that only a wrong reading of the scopes would allow.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from .expressions import BAIT, ExpressionWriter, Scope, Source
from .tables import DATABASE, HIDDEN, TABLES
from .templates import FROM_FUNCTIONS, ITEMS, TAILS

__all__ = ["Statement", "Writer"]

_SPACE = {"sqlite": "main", "duckdb": "main", "postgres": "public", "mysql": DATABASE}


class Statement(NamedTuple):
    """A text, and the templates of bait that are in it."""

    sql: str
    bait: tuple[str, ...]


class Writer(ExpressionWriter):
    """Writes statements of one dialect; the same seed gives the same statements.

    Args:
        dialect: sqlite, duckdb, postgres or mysql.
        seed: Of the first statement; `statement(n)` depends on seed and n alone.
    """

    def __init__(self, dialect: str, seed: int = 0) -> None:
        super().__init__(dialect)
        self._seed = seed
        self._spaces = dialect in ("postgres", "duckdb")
        tables = [table for table in TABLES if self._spaces or not table.space]
        self._visible = [table for table in tables if not table.hidden]
        self._hidden = [table for table in tables if table.hidden]
        self._ctes: dict[str, dict[str, str]] = {}

    def statement(self, number: int) -> Statement:
        """The statement of that number, 0 or more."""
        self._reset(random.Random(f"{self.dialect} {self._seed} {number}"))
        self._ctes = {}
        sql = self._statement()
        return Statement(sql, tuple(sorted(set(self._used))))

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
        self._scopes.append(Scope())
        text = self._from(depth)
        tail = self._pick(("", f" SELECT {self._expression('t', 1)}", f" WHERE {self._expression('b', 1)}"))
        self._scopes.pop()
        head = self._pick(("FROM", "FROM", "PIVOT", "UNPIVOT"))
        if head == "FROM":
            return f"FROM {text}{tail}"
        name = self._pick((*HIDDEN, "id", "name", "city", "status"))
        if head == "PIVOT":
            value = self._pick(("count(*)", "max(id)", f"max({self._pick(HIDDEN)})"))
            given = self._pick(("1, 2", "'a'"))
            return f"PIVOT {text} ON {name} IN ({given}) USING {value}"
        return f"UNPIVOT {text} ON {self._pick((name, 'COLUMNS(*)::VARCHAR', f'{name}::VARCHAR'))} INTO NAME k VALUE w"

    def _set_operation(self, depth: int) -> str:
        wanted = self._pick((("n",), ("t",), ("n", "t"), ("t", "t")))
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
        name = (
            self._pick(self._names) if self._chance(0.6) else self._pick([t.name for t in self._visible + self._hidden])
        )
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
        self._scopes.append(Scope())
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
            number = self._name() if self._share and self._chance(0.3) else self._expression("n", 0)
            groups += f" HAVING {self._pick(('count(*) > 1', f'max({number}) > 1', f'min({number}) < 3'))}"
        elif self._share and not single and self._chance(0.1):
            groups += f" HAVING {self._pick(('max', 'min', 'count'))}({self._name()}) > 1"
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
        if state < 0.4 and (common or self.dialect != "duckdb"):
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
        table = self._random.choice(
            self._hidden if self._chance(0.25) and self._bait("hidden table") else self._visible
        )
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
            alias = name if not space or self._chance(0.7) else f"{space.rsplit('.', maxsplit=1)[-1]}.{name}"
        self._scopes[-1].sources.append(Source(alias, columns))
        return text

    def _taken(self, alias: str) -> bool:
        return any(source.alias.split(".")[-1] == alias for source in self._scopes[-1].sources)

    def _alias(self) -> str:
        sources = self._scopes[-1].sources
        if sources and self._bait("one alias twice"):
            return self._pick(sources).alias.rsplit(".", maxsplit=1)[-1]
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
        self._scopes[-1].sources.append(Source(alias, {name: kind for name, kind in columns if name}))
        return f"{'LATERAL ' if lateral else ''}({text}) AS {alias}"

    def _function(self) -> str:
        bait = self._bait("function in FROM")
        options = [one for one in FROM_FUNCTIONS[self.dialect] if bool(BAIT.search(one[0])) == bait]
        template, given = self._pick(options)
        text, alias = self._fill(template, 0), self._alias()
        columns = dict(word.split(":") for word in given.split())
        if self._spaces:
            names = [self._pick(self._names) if self._chance(0.4) else name for name in columns]
            if len(set(names)) == len(names):
                columns = dict(zip(names, columns.values(), strict=True))
                self._scopes[-1].sources.append(Source(alias, columns))
                return f"{text} AS {alias}({', '.join(names)})"
        self._scopes[-1].sources.append(Source(alias, columns))
        return f"{text} AS {alias}"
