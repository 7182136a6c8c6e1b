"""Shapes of statements that grow: what the guard spends on them must grow like the text.

Each shape writes a text of about so many characters over a schema of 8 tables with 60 columns each.
"""

from __future__ import annotations

from collections.abc import Callable

from ctxprune.sql.schema.schema import Column, Schema, Table

__all__ = ["SHAPES", "wide_schema", "write_shape"]

COLUMNS = 60
_DUCKDB, _POSTGRES, _SQLITE, _MYSQL = "duckdb", "postgres", "sqlite", "mysql"


def wide_schema(dialect: str) -> Schema:
    """Tables t0 to t7 with columns c0 to c59."""
    columns = tuple(Column(f"c{at}", "INTEGER") for at in range(COLUMNS))
    return Schema("wide", tuple(Table(f"t{at}", columns) for at in range(8)), dialect=dialect)


def write_shape(name: str, size: int) -> str:
    """The statement of a shape, at most `size` characters unless its smallest form is longer."""
    make = SHAPES[name][1]
    low, high = 1, max(2, size)
    while low < high:  # the longest text that fits
        middle = (low + high + 1) // 2
        if len(make(middle)) <= size:
            low = middle
        else:
            high = middle - 1
    return make(low)


def _list(form: str, count: int, glue: str = ", ") -> str:
    return glue.join(form.replace("#", str(at)) for at in range(count))


def _nest(head: str, core: str, tail: str, count: int) -> str:
    return head * count + core + tail * count


def _where(condition: str) -> str:
    return f"SELECT c0 FROM t0 WHERE {condition}"


def _item(value: str) -> str:
    return f"SELECT {value} FROM t0"


def _aliases(form: str, count: int) -> str:
    """Output names, each made of the one before."""
    items = [form.replace("#", str(at)).replace("~", str(at + 1)) for at in range(count)]
    return f"SELECT c0 AS x0, {', '.join(items)} FROM t0"


def _ctes(count: int, form: str = "SELECT a.c0 FROM w# AS a JOIN w# AS b ON a.c0 = b.c0") -> str:
    steps = [f"w{at + 1} AS ({form.replace('#', str(at))})" for at in range(count)]
    return f"WITH w0 AS (SELECT * FROM t0), {', '.join(steps)} SELECT * FROM w{count}"


def _derived(count: int, items: str = "*") -> str:
    text = "t0"
    for at in range(count):
        text = f"(SELECT {items} FROM {text}) AS d{at}" if at else f"(SELECT {items} FROM t0) AS d0"
    return f"SELECT * FROM {text}"


def _correlated(count: int) -> str:
    text = "SELECT 1"
    for at in range(count, 0, -1):
        text = f"SELECT 1 FROM t0 AS a{at} WHERE a{at}.c0 = a{max(at - 1, 1)}.c1 AND c5 = 1 AND EXISTS ({text})"
    return text


def _unqualified(count: int) -> str:
    text = "SELECT c5"
    for at in range(count, 0, -1):
        text = f"SELECT c5 FROM (SELECT 1 AS x) AS a{at} WHERE x = ({text})"
    return text


def _wide_stars(count: int) -> str:
    return f"SELECT * FROM {_list('t0 AS a#', count)}"


def _star_list(count: int) -> str:
    return f"SELECT {_list('a.*', count)} FROM t0 AS a, t1 AS b"


SHAPES: dict[str, tuple[str, Callable[[int], str]]] = {
    # Output names
    "aliases added": (_SQLITE, lambda n: _aliases("x#+x# AS x~", n)),
    "aliases added, postgres": (_POSTGRES, lambda n: _aliases("x#+x# AS x~", n)),
    "aliases added, duckdb": (_DUCKDB, lambda n: _aliases("x#+x# AS x~", n)),
    "aliases added, mysql": (_MYSQL, lambda n: _aliases("x#+x# AS x~", n)),
    "aliases in WHERE": (_DUCKDB, lambda n: _aliases("c0+c0 AS x~", n) + " WHERE x1 + x1 > x1"),
    "aliases in GROUP BY": (_SQLITE, lambda n: f"SELECT {_list('c0+# AS x#', n)} FROM t0 GROUP BY {_list('x#', n)}"),
    "aliases in HAVING": (
        _SQLITE,
        lambda n: f"SELECT {_list('c0 AS x#', n)} FROM t0 GROUP BY c0 HAVING {_list('x# > 1', n, ' AND ')}",
    ),
    "aliases in ORDER BY": (
        _MYSQL,
        lambda n: f"SELECT {_list('c0 AS x#', n)} FROM t0 ORDER BY {_list('x# + x#', n)}",
    ),
    "one long alias, used often": (
        _SQLITE,
        lambda n: f"SELECT {_list('c0', n, '+')} AS x FROM t0 WHERE {_list('x = #', n // 2 + 1, ' OR ')}",
    ),
    "one long alias, used often, duckdb": (
        _DUCKDB,
        lambda n: f"SELECT {_list('c0', n, '+')} AS x FROM t0 WHERE {_list('x = #', n // 2 + 1, ' OR ')}",
    ),
    # Brackets and depth
    "parentheses": (_SQLITE, lambda n: _where(_nest("(", "c0 = 1", ")", n))),
    "groups of parentheses": (_SQLITE, lambda n: _where(_list("((((c0 = #))))", n, " OR "))),
    "brackets": (_DUCKDB, lambda n: _item(_nest("[", "c0", "]", n))),
    "braces": (_DUCKDB, lambda n: _item(_nest("{'a': ", "c0", "}", n))),
    "structs": (_DUCKDB, lambda n: _item(_list("{'a': {'b': c0}}", n))),
    "lists": (_DUCKDB, lambda n: _item(f"[{_list('c1', n)}]")),
    "subscripts": (_DUCKDB, lambda n: _item("c0" + "[1]" * n)),
    "subscripts, postgres": (_POSTGRES, lambda n: _item("(c0)" + "[1]" * n)),
    "functions nested": (_SQLITE, lambda n: _item(_nest("abs(", "c0", ")", n))),
    "functions many": (_SQLITE, lambda n: _item(_list("coalesce(c0, c1, #)", n))),
    "CASE nested": (_SQLITE, lambda n: _item(_nest("CASE WHEN c0 = 1 THEN 2 ELSE ", "c1", " END", n))),
    "CASE long": (_SQLITE, lambda n: _item(f"CASE {_list('WHEN c0 = # THEN c1', n, ' ')} END")),
    "CASE many": (_MYSQL, lambda n: _item(_list("CASE c0 WHEN # THEN c1 END", n))),
    "rows": (_SQLITE, lambda n: _where(_list("(c0, c1) = (#, 2)", n, " OR "))),
    "casts chained": (_POSTGRES, lambda n: _item("c0" + "::text::integer" * n)),
    "casts nested": (_SQLITE, lambda n: _item(_nest("CAST(", "c0", " AS TEXT)", n))),
    "casts many": (_DUCKDB, lambda n: _item(_list("CAST(c0 AS VARCHAR)", n))),
    # Chains of operators
    "sums": (_SQLITE, lambda n: _item(_list("c1", n, " + "))),
    "strings": (_SQLITE, lambda n: _item(_list("c0", n, " || "))),
    "strings, mysql": (_MYSQL, lambda n: _item(f"concat({_list('c0', n)})")),
    "AND": (_SQLITE, lambda n: _where(_list("c0 = #", n, " AND "))),
    "AND and OR": (_POSTGRES, lambda n: _where(_list("c0 = # AND c1 = 2", n, " OR "))),
    "NOT": (_SQLITE, lambda n: _where("NOT " * n + "c0 = 1")),
    "NOT, mysql": (_MYSQL, lambda n: _where("NOT " * n + "c0 = 1")),
    "signs": (_SQLITE, lambda n: _item("- " * n + "c0")),
    "BETWEEN": (_SQLITE, lambda n: _where(_list("c0 BETWEEN # AND 9", n, " AND "))),
    "BETWEEN chained": (_SQLITE, lambda n: _where("c0 " + "BETWEEN 1 AND 2 " * n)),
    "comparisons chained": (_SQLITE, lambda n: _where("c0" + " = 1" * n)),
    "LIKE": (_POSTGRES, lambda n: _where(_list("c0 LIKE 'a#%'", n, " OR "))),
    "IN": (_SQLITE, lambda n: _where(f"c0 IN ({_list('#', n)})")),
    "IN with texts": (_POSTGRES, lambda n: _where(f"c0 IN ({_list(chr(39) + '#' + chr(39), n)})")),
    "arrows": (_SQLITE, lambda n: _item("c0" + " -> '$.a'" * n)),
    "outputs without a name, postgres": (
        _POSTGRES,
        lambda n: f"SELECT q.x FROM (SELECT {_list('1', n)}, 1 AS x{' UNION ALL SELECT 1' * 10}) q",
    ),
    "types of values, postgres": (_POSTGRES, lambda n: f"SELECT {_list('pg_typeof(1)', n)}"),
    "arrows, postgres": (_POSTGRES, lambda n: _item("c0" + " -> 'a'" * n)),
    "arrows in calls": (_SQLITE, lambda n: _item(_list("json_array(c0 -> '$')", n))),
    "arrows nested in calls": (_SQLITE, lambda n: _item(_nest("json_array(c0 -> '$', ", "c1", ")", n))),
    "dots": (_DUCKDB, lambda n: _item("c0" + ".a" * n)),
    "methods": (_DUCKDB, lambda n: _item("c0" + ".abs()" * n)),
    "lambdas": (_DUCKDB, lambda n: _item(_list("list_transform([c0], lambda x: x + #)", n))),
    "lambdas nested": (_DUCKDB, lambda n: _item(_nest("list_transform([c0], lambda x: ", "x", ")", n))),
    "arrow lambdas nested": (_DUCKDB, lambda n: _item(_nest("list_transform([c0], x -> ", "x", ")", n))),
    "comprehensions": (_DUCKDB, lambda n: _item(_list("[x + # FOR x IN [c0]]", n))),
    # Sources
    "joins": (_SQLITE, lambda n: "SELECT a0.c0 FROM t0 AS a0 " + _list("JOIN t1 AS b# ON b#.c0 = a0.c0", n, " ")),
    "joins on unqualified names": (
        _SQLITE,
        lambda n: (
            "SELECT 1 FROM (SELECT c0 AS k FROM t0) AS a " + _list("JOIN (SELECT 1 AS k#) AS b# ON k = k#", n, " ")
        ),
    ),
    "joins of tables, stars": (_SQLITE, _wide_stars),
    "joins of tables, stars, postgres": (_POSTGRES, _wide_stars),
    "USING": (_SQLITE, lambda n: "SELECT * FROM t0 AS a " + _list("JOIN t1 AS b# USING (c0)", n, " ")),
    "NATURAL": (_SQLITE, lambda n: "SELECT * FROM t0 AS a " + _list("NATURAL JOIN t1 AS b#", n, " ")),
    "NATURAL, duckdb": (_DUCKDB, lambda n: "SELECT * FROM t0 AS a " + _list("NATURAL JOIN t1 AS b#", n, " ")),
    "joins in parentheses": (_SQLITE, lambda n: "SELECT 1 FROM " + _nest("(", "t0", " CROSS JOIN t1)", n)),
    "stars many": (_SQLITE, _star_list),
    "stars many, fenced": (_SQLITE, lambda n: f"SELECT {_list('a.*', n)} FROM t0 AS a NATURAL JOIN t1 AS b"),
    "stars many, of many tables": (
        _SQLITE,
        lambda n: f"SELECT {_list('*', n)} FROM t0 AS a {_list('JOIN t1 AS b# USING (c0)', min(n // 9, 190), ' ')}",
    ),
    "stars with EXCLUDE": (_DUCKDB, lambda n: f"SELECT {_list('* EXCLUDE (c#)', n)} FROM t0"),
    "derived tables nested": (_SQLITE, _derived),
    "derived tables nested, names": (_SQLITE, lambda n: _derived(n, "c0, c1")),
    "derived tables many": (_SQLITE, lambda n: f"SELECT * FROM {_list('(SELECT * FROM t0) AS d#', n)}"),
    "VALUES": (_POSTGRES, lambda n: f"SELECT * FROM (VALUES {_list('(#, 1)', n)}) AS v(a, b)"),
    "LATERAL": (_POSTGRES, lambda n: "SELECT 1 FROM t0 AS a" + _list(", LATERAL (SELECT a.c0) AS l#", n, "")),
    "functions in FROM": (_SQLITE, lambda n: "SELECT 1 FROM t0 AS a" + _list(", json_each(a.c0) AS j#", n, "")),
    # Queries
    "CTEs, each used twice": (_SQLITE, _ctes),
    "CTEs of stars, each used twice": (_SQLITE, lambda n: _ctes(n, "SELECT a.*, b.* FROM w# AS a, w# AS b")),
    "CTEs of stars, each used twice, duckdb": (_DUCKDB, lambda n: _ctes(n, "SELECT a.*, b.* FROM w# AS a, w# AS b")),
    "CTEs of stars, each joined": (_POSTGRES, lambda n: _ctes(n, "SELECT * FROM w# AS a JOIN w# AS b USING (c0)")),
    "CTEs, unused": (_SQLITE, lambda n: f"WITH {_list('w# AS (SELECT * FROM t1)', n)} SELECT 1 FROM t0"),
    "WITH nested": (_SQLITE, lambda n: _nest("WITH w AS (", "SELECT c0 FROM t0", ") SELECT c0 FROM w", n)),
    "UNION": (_SQLITE, lambda n: _list("SELECT c0 FROM t0", n, " UNION ALL ")),
    "UNION of stars": (_SQLITE, lambda n: _list("SELECT * FROM t0", n, " UNION ")),
    "UNION nested": (_POSTGRES, lambda n: _nest("(", "SELECT c0 FROM t0", " UNION SELECT c1 FROM t1)", n)),
    "UNION BY NAME": (_DUCKDB, lambda n: _list("SELECT * FROM t0", n, " UNION BY NAME ")),
    "subqueries nested": (_SQLITE, lambda n: _where(_nest("c0 IN (SELECT c0 FROM t1 WHERE ", "c1 = 1", ")", n))),
    "subqueries correlated": (_SQLITE, _correlated),
    "subqueries, names from outside": (_SQLITE, lambda n: f"SELECT ({_unqualified(n)}) FROM t0"),
    "subqueries, names from outside, postgres": (_POSTGRES, lambda n: f"SELECT ({_unqualified(n)}) FROM t0"),
    "subqueries many": (_SQLITE, lambda n: _item(_list("(SELECT max(c0) FROM t1)", n))),
    "EXISTS": (
        _SQLITE,
        lambda n: _where(_list("EXISTS (SELECT 1 FROM t1 WHERE t1.c0 = t0.c#)".replace("#", "1"), n, " OR ")),
    ),
    "windows": (_SQLITE, lambda n: _item(_list("sum(c0) OVER (PARTITION BY c1 ORDER BY c2)", n))),
    "windows named": (_SQLITE, lambda n: f"SELECT sum(c0) OVER w0 FROM t0 WINDOW {_list('w# AS (ORDER BY c1)', n)}"),
    "GROUP BY": (_POSTGRES, lambda n: f"SELECT 1 FROM t0 GROUP BY {_list('c0 + #', n)}"),
    "grouping sets": (_POSTGRES, lambda n: f"SELECT 1 FROM t0 GROUP BY GROUPING SETS ({_list('(c0, c1)', n)})"),
    "ORDER BY": (_SQLITE, lambda n: f"SELECT c0 FROM t0 ORDER BY {_list('c1 + #', n)}"),
    "PIVOT": (_DUCKDB, lambda n: f"PIVOT t0 ON c0 IN ({_list('#', n)}) USING sum(c1)"),
    "PIVOT, several": (_DUCKDB, lambda n: f"PIVOT t0 ON c0 IN (1) USING {_list('sum(c1) AS s#', n)}"),
    "UNPIVOT": (_DUCKDB, lambda n: f"UNPIVOT t0 ON {_list('c1', n)} INTO NAME k VALUE v"),
    "names, quoted": (_POSTGRES, lambda n: _item(_list('t0."c1"', n))),
    "names, qualified": (_DUCKDB, lambda n: _item(_list("main.t0.c1", n))),
    "names, unknown": (_SQLITE, lambda n: _where(_list('"nobody"', n, " || "))),
    "one long text": (_SQLITE, lambda n: _item(f"'{'a' * n}'")),
    "one long name": (_SQLITE, lambda n: _item(f"c0 AS {'a' * n}")),
    "one long namespace": (_MYSQL, lambda n: f"SELECT 1 FROM `{chr(233) * n}_zz`.`t`"),
    "one long number": (_SQLITE, lambda n: _item("1" * n)),
    "comments": (_SQLITE, lambda n: _item("c0" + " /* a */" * n)),
    "quotes": (_SQLITE, lambda n: _item(f"'{chr(39) * 2 * n}'")),
    "backslashes": (_MYSQL, lambda n: _item(f"'{chr(92) * 2 * n}'")),
    "braces, unclosed": (_DUCKDB, lambda n: _item("{" * n)),
    "parentheses, unclosed": (_SQLITE, lambda n: _item("(" * n)),
    "CASE, unclosed": (_MYSQL, lambda n: _item("CASE WHEN " * n)),
}
"""By name: the dialect, and the text with so many parts."""
