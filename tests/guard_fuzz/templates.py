"""Expressions and other parts of a query as templates, by dialect and by kind of value.

Holes: @n @t @j @l @s @b an expression of that kind (number, text, JSON, list, struct, truth); @cn @ct @cj @cl
@cs a column of it; @qn @qt a query of one such column, @q of any; @a a source in sight; @x a name from the pool;
@h a hidden column; @v a hidden table; @k a key of a document;
@lam_n @lam_t @lam_b a lambda's parameter and body in either syntax; @comp the inside of a list comprehension.
"""

from __future__ import annotations

__all__ = ["EXPRESSIONS", "FROM_FUNCTIONS", "ITEMS", "LITERALS", "NAMES", "TAILS"]

NAMES = (
    *("ssn", "credit", "name", "id", "total", "city", "cost", "upper", "lower", "area", "salary", "nick", "hint"),
    *("main", "public", "hr", "shopdb", "memory", "count", "concat", "customers", "orders", "vault", "crypt", "ledger"),
    *("attrs", "info", "value", "key", "entry", "pay", "c", "o", "q", "x", "body", "docs", "notes", "tags", "rowid"),
    *("spec", "inner_place", "margin", "hint", "auditor", "title"),
)
"""Aliases and output names: names of columns, tables, schemas, functions, and a few ordinary ones."""

LITERALS = {
    "n": dict.fromkeys(("sqlite", "duckdb", "postgres", "mysql"), ("0", "1", "2", "3")),
    "t": dict.fromkeys(("sqlite", "duckdb", "postgres", "mysql"), ("'a'", "'b'", "'m'", "''")),
    "b": dict.fromkeys(("sqlite", "duckdb", "postgres", "mysql"), ("1 = 1", "1 = 2")),
    "j": {
        **dict.fromkeys(("sqlite", "mysql"), ("""'{"a": 1}'""",)),
        "duckdb": ("""'{"a": 1}'::JSON""",),
        "postgres": ("""'{"a": 1}'::jsonb""",),
    },
    "l": {
        **dict.fromkeys(("sqlite", "mysql"), ("""'["a"]'""",)),
        "duckdb": ("['a', 'm']",),
        "postgres": ("ARRAY['a', 'm']",),
    },
    "s": {
        **dict.fromkeys(("sqlite", "mysql"), ("""'{"city": "a", "zip": 1}'""",)),
        "duckdb": ("{'city': 'a', 'zip': 1}",),
        "postgres": ("ROW('a', 1)::place",),
    },
}

_ALL = {
    "n": (
        *("@n + @n", "@n * 2", "length(@t)", "coalesce(@n, @n)", "CASE WHEN @b THEN @n ELSE @n END"),
        *("(@qn)", "nullif(@n, @n)", "abs(@n)", "(@n)", "- @cn", "CASE @n WHEN @n THEN @n END"),
    ),
    "t": (
        *("upper(@t)", "lower(@t)", "coalesce(@t, @t)", "(@qt)", "substr(@t, 1, 1)", "replace(@t, 'a', @t)"),
        *("CASE WHEN @b THEN @t ELSE @t END", "concat(@t, @t)", "trim(@t)", "nullif(@t, @t)"),
    ),
    "b": (
        *("@n = @n", "@n < @n", "@t = @t", "@t <> @t", "@n IN (@qn)", "@t IN (@qt)", "EXISTS (@q)"),
        *("@n BETWEEN @n AND @n", "@t LIKE 'a%'", "@n IS NULL", "@t IS NOT NULL", "(@b AND @b)"),
        *("(@b OR @b)", "NOT (@b)", "@n NOT IN (1, @n)", "(@n, @t) = (@n, @t)", "@t IS NULL"),
    ),
    "j": (),
    "l": (),
    "s": (),
}

_SQLITE = {
    "n": (
        *("json_extract(@j, '$.b')", "@n || @n", "iif(@b, @n, @n)", "length(@j -> '$.@k')", "@a.rowid"),
        *("rowid", "_rowid_", "oid", "@a.oid", "json_array_length(@l)", "max(@n, @n)", "CAST(@t AS INTEGER)"),
        *("@a.@x", "length(json_array(@h -> '$'))", "max(@n) OVER ()", "count(*) OVER (PARTITION BY @t)"),
    ),
    "t": (
        *("@j ->> '$.@k'", "json_array(@j -> '$', @t)", "json_object(@t, @n)", "@t || @t", "quote(@t)"),
        *("json_array(@h -> '$')", "coalesce(@j -> '@k', @t)", "coalesce(@h -> '$.a', 'a')", '"@h"', "[@h]"),
        *("json_group_array(@t) OVER ()", "typeof(@n)", "printf('%s', @t)", "json(@j)", "@a.@x", "`@h`"),
        *("group_concat(@t) OVER (ORDER BY @n)", "highlight(docs, 0, '<', '>')", "snippet(docs, 1, '', '', '', 9)"),
        *("CAST(@n AS TEXT)", "json_extract(@j, '$.a', '$.@k')", "@t COLLATE nocase", "main.@a.@x"),
    ),
    "b": (
        *("@t GLOB 'a*'", "@n IS @n", "docs MATCH 'body: a'", "docs MATCH 'a'", "title MATCH 'a'", "docs = 'b'"),
        *("@a MATCH '{body}: a'", "@a MATCH 'x'", "title MATCH 'body: x'", "@t COLLATE nocase IN (@qt)"),
        *("@n IN (VALUES (1), (2))", "@t BETWEEN @t AND @t", "@h"),
    ),
    "j": ("@j -> '$.@k'", "json_object('a', @n)", "json_set(@j, '$.a', @n)", "json_array(@t)", "json_patch(@j, @j)"),
    "l": ("json_array(@t, @t)",),
    "s": ("json_object('city', @t, 'zip', @n)",),
}
_DUCKDB = {
    "n": (
        *("@cs.zip", "@cs['zip']", "struct_extract(@cs, 'zip')", "len(@l)", "list_sum([@n, @n])", "@cn.abs()"),
        *("@a.@cs.zip", "(@s).zip", "@a.@x", "list_sum(list_transform([1, 2], @lam_n))", "count(@a) OVER ()"),
        *("list_reduce([1, @n], (y, z) -> y + z + @n)", "@h.abs()", "@a.rowid", "rowid", "strlen(@t)"),
        *("max(@n) OVER (PARTITION BY @t)", "(SELECT max(@n))", "@x.@x", "@x.@x.@x", "len(@a.@x)"),
        *("array_length(@l)", "struct_extract(@a, '@h')", "@a['@h']", "hash(@h)", "length(@a.concat(''))"),
    ),
    "t": (
        *("@cs.city", "@cs['city']", "struct_extract(@s, 'city')", "@ct.upper()", "@ct.concat(@t)", "@a.concat('')"),
        *("@h.upper()", "@h.concat('')", "@a.@h.lower()", "@x.upper()", "@a.@ct.upper()", "@a::VARCHAR"),
        *("list_transform(@l, @lam_t)[1]", "list_transform([1], @lam_t)[1]", "list_filter(@l, @lam_b)[1]"),
        *("[@comp][1]", "array_to_string(@l, ',')", "@j ->> '$.@k'", "@j ->> '@k'", "to_json(@a)::VARCHAR"),
        *("coalesce(@j ->> '@k', @t)", "@t || @t", "row(@a)::VARCHAR", "{'y': @t}.y", "struct_pack(y := @t).y"),
        *("@a.@x", "@x.@x", "main.@a.@x", "memory.main.@a.@x", "max(@t) OVER ()", "concat(@a, '')"),
        *("list_apply(@l, @lam_t)[1]", "@a['@h']", "format('{}', @t)", "@t[1]", "@l[1]", "CAST(@n AS VARCHAR)"),
        *("map_values(map {'a': @t})[1]", "struct_values(@a)::VARCHAR", "json_array(@h -> '$')::VARCHAR"),
        *("list_transform([@a], @lam_t)[1]", "@cs.city.upper()", "(SELECT @h FROM @x)", "to_json(@h)::VARCHAR"),
        *("list_transform([@s], c -> c.city)[1]", "list_transform([@s], lambda c: c.city)[1]"),
    ),
    "b": (
        *("@t SIMILAR TO 'a.*'", "list_contains(@l, @t)", "@n IS DISTINCT FROM @n", "@a IS NULL", "@a = @a"),
        *("len(list_filter(@l, @lam_b)) > 0", "@n = ANY (@qn)", "@t = ANY (@l)", "@t > ALL (@qt)", "@h"),
        *("COLUMNS(*) IS NOT NULL", "COLUMNS(@a.*) IS NOT NULL", "@t IN @l", "@t.contains('a')", "@h.contains('a')"),
    ),
    "j": (
        *("@j -> '@k'", "@j -> '$.@k'", "to_json(@t)", "json_object('a', @n)", "json_array(@t, @n)", "to_json(@a)"),
        *("json_extract(@j, '$.a')", "json_merge_patch(@j, @j)", "@h -> '$'", "@cj.json_extract('$.a')"),
    ),
    "l": (
        *("[@t, @t]", "list_transform(@l, @lam_t)", "list_filter(@l, @lam_b)", "[@comp]", "list_sort(@l)"),
        *("list_value(@t)", "@l || @l", "@l[1:1]", "@cl.list_sort()", "string_split(@t, 'a')"),
    ),
    "s": ("{'city': @t, 'zip': @n}", "struct_pack(city := @t, zip := @n)"),
}
_POSTGRES = {
    "n": (
        *("(to_jsonb(@cs) ->> 'zip')::int", "cardinality(@l)", "(@j ->> 'b')::int", "(@a.@x)", "(@a).@h", "area(@a)"),
        *("max(@n) OVER (PARTITION BY @t)", "count(@a) OVER ()", "count(*) FILTER (WHERE @b) OVER ()", "@a.area"),
        *("length(@a::text)", "num_nulls(@a)", "length(to_json(@a)::text)", "@a.@x", "length(row(@a)::text)"),
        *(
            "(@j #>> '{b}')::int",
            "greatest(@n, @n)",
        ),
        *("cardinality(enum_range(NULL::vault_kind))", "count(@h) OVER ()", "length(@a.@x::text)", "id(@a)"),
    ),
    "t": (
        *("to_jsonb(@cs) ->> 'city'", "@a::text", "@j ->> 'a'", "@j ->> '@k'", "@j #>> '{a}'", "row_to_json(@a)::text"),
        *("to_jsonb(@a)::text", "coalesce(@j ->> '@k', @t)", "coalesce(@j -> 'a', to_jsonb(@a.@x))::text"),
        *("coalesce(@j -> 'a' || to_jsonb(@h))::text", "concat(@a)", "format('%s', @a)", "@t || @a", "name(@a)"),
        *("upper(@a)", "@a.@x::text", "@a.@x", "ssn(@a)", "array_to_string(@l, ',')", "(@l)[1]", "@t || @t"),
        *("max(@t) OVER (PARTITION BY @n)", "(min(@n) OVER ())::text", "row(@a.*)::text", "to_json(@a.*)::text"),
        *("quote_literal(@a)", "public.@a.@x", "@x.@x", "@x.@x.@x", "lower(@a.@x)", "jsonb_pretty(@j)"),
        *("enum_range(NULL::vault_kind)::text", "(NULL::vault)::text", "jsonb_build_array(@j -> 'a', @h)::text"),
        *("enum_first(NULL::vault_kind)::text", "enum_last(NULL::vault_kind)::text", "CAST(@n AS text)"),
        *(
            "jsonb_build_object('a', @a)::text",
            "@a.ctid::text",
            "@a.tableoid::regclass::text",
            "(SELECT json_agg(@a))::text",
        ),
        *("(jsonb_populate_record(NULL::vault, @j)).name", "'top'::vault_kind::text", "concat_ws(',', @a, @t)"),
    ),
    "b": (
        *("@t ~ 'a'", "@t ILIKE 'A%'", "@n IS DISTINCT FROM @n", "@a IS NULL", "@a = @a", "@j @> @j", "@j ? '@k'"),
        *("@n = ANY (@qn)", "@t = ANY (@l)", "@t > ALL (@qt)", "@a IS NOT NULL", "@l && @l", "ROW(@a) IS NULL"),
        *("(@j -> 'a') = to_jsonb(@h)", "@a IN (SELECT @x FROM @x)", "(@n, @n) IN (SELECT @n, @n)", "@a > @a"),
    ),
    "j": (
        *("@j -> 'a'", "@j -> '@k'", "to_jsonb(@t)", "to_jsonb(@a)", "jsonb_build_object('a', @n)", "@j || @j"),
        *("jsonb_build_array(@t, @n)", "coalesce(@j -> 'a', @j)", "coalesce(@j -> 'a' || to_jsonb(@a))", "@j - 'a'"),
        *("(SELECT jsonb_agg(@t))", "jsonb_set(@j, '{a}', @j)", "to_jsonb(@a.@x)", "jsonb_path_query_first(@j, '$.a')"),
    ),
    "l": ("ARRAY[@t, @t]", "@l || @l", "ARRAY(@qt)", "array_append(@l, @t)", "string_to_array(@t, 'a')"),
    "s": ("ROW(@t, @n)::place",),
}
_MYSQL = {
    "n": (
        *("JSON_VALUE(@j, '$.b') + 0", "IF(@b, @n, @n)", "ifnull(@n, @n)", "@n DIV 2", "@a.@x", "char_length(@t)"),
        *(
            "JSON_LENGTH(@l)",
            "_rowid",
            "@a._rowid",
            "max(@n) OVER (PARTITION BY @t)",
            "count(*) OVER ()",
            "DEFAULT(@h)",
        ),
        *("greatest(@n, @n)", "@b", "length(@h)", "CAST(@t AS SIGNED)", "@x.@x", "shopdb.@a.@x", "VALUES(@h)"),
        *("locate(@t, @t)", "MATCH (body) AGAINST ('a')", "MATCH (title) AGAINST ('a')", "length(@a.@x)"),
    ),
    "t": (
        *("JSON_EXTRACT(@j, '$.@k')", "JSON_UNQUOTE(JSON_EXTRACT(@j, '$.a'))", "concat(@t, @n)", "@a.@x", "@x.@x"),
        *("JSON_ARRAY(@t, @n)", "JSON_OBJECT('a', @t)", "if(@b, @t, @t)", "left(@t, 1)", "hex(@t)", "`@h`"),
        *(
            "JSON_VALUE(@j, '$.a')",
            "coalesce(JSON_VALUE(@j, '$.@k'), @t)",
            "CAST(@n AS CHAR)",
            "concat_ws(',', @t, @h)",
        ),
        *("shopdb.@a.@x", "max(@t) OVER (PARTITION BY @n)", "elt(1, @t, @t)", "JSON_ARRAY(@h)", "quote(@t)"),
        *("attrs -> '$.a'", "attrs ->> '$.a'", "JSON_ARRAY(@h -> '$')", '"@h"', "@t COLLATE utf8mb4_bin"),
    ),
    "b": (
        *("@t REGEXP 'a'", "@n <=> @n", "@b XOR @b", "JSON_CONTAINS(@j, '1', '$.a')", "@n = ANY (@qn)", "@h"),
        *("@t > ALL (@qt)", "MATCH (body) AGAINST ('a' IN BOOLEAN MODE)", "JSON_VALID(@t)", "@t RLIKE @t"),
    ),
    "j": ("JSON_EXTRACT(@j, '$.a')", "JSON_OBJECT('a', @n)", "JSON_ARRAY(@t)", "JSON_SET(@j, '$.a', @n)"),
    "l": ("JSON_ARRAY(@t, @t)",),
    "s": ("JSON_OBJECT('city', @t, 'zip', @n)",),
}
EXPRESSIONS = {
    dialect: {kind: (_ALL[kind], own[kind]) for kind in _ALL}
    for dialect, own in {"sqlite": _SQLITE, "duckdb": _DUCKDB, "postgres": _POSTGRES, "mysql": _MYSQL}.items()
}
"""By dialect and kind: templates of all dialects, then those of this one."""

FROM_FUNCTIONS = {
    "sqlite": (
        ("json_each(@j)", "key:t value:t type:t atom:t"),
        ("json_tree(@j)", "key:t value:t type:t atom:t"),
        ("docs('body: a')", "title:t"),
        ("docs('a')", "title:t"),
        ("json_each(@h)", "key:t value:t type:t atom:t"),
    ),
    "duckdb": (
        ("unnest(@l)", "unnest:t"),
        ("unnest([1, @n])", "unnest:n"),
        ("range(3)", "range:n"),
        ("json_each(@j)", "key:t value:j"),
        ("unnest([@h])", "unnest:t"),
        ("(VALUES (1, 'a'), (2, 'b'))", "col0:n col1:t"),
        ("unnest([@a])", "unnest:t"),
    ),
    "postgres": (
        ("unnest(@l)", "unnest:t"),
        ("jsonb_each(@j)", "key:t value:j"),
        ("jsonb_each(to_jsonb(@a))", "key:t value:j"),
        ("jsonb_array_elements_text('[1]')", "value:t"),
        ("generate_series(1, 3)", "generate_series:n"),
        ("jsonb_each_text(jsonb_build_object('a', @h))", "key:t value:t"),
        ("unnest(enum_range(NULL::vault_kind))", "unnest:t"),
        ("unnest(ARRAY[@a])", "unnest:t"),
    ),
    "mysql": (
        ("JSON_TABLE(@cj, '$' COLUMNS (y INT PATH '$.b', z VARCHAR(9) PATH '$.a'))", "y:n z:t"),
        ("JSON_TABLE(@h, '$' COLUMNS (y INT PATH '$.b', z VARCHAR(9) PATH '$.a'))", "y:n z:t"),
    ),
}
"""Functions in FROM and the columns that they give."""

ITEMS = {
    "sqlite": ("@a.*", "*"),
    "duckdb": (
        *("@a.*", "*", "COLUMNS(*)", "COLUMNS('@h|id')", "* EXCLUDE (id)", "@a.* EXCLUDE (@h)", "* REPLACE (1 AS id)"),
        *(
            "* REPLACE (1 AS @h)",
            "COLUMNS(c -> c LIKE '%s%')",
            "COLUMNS(lambda c: c LIKE '%s%')",
            "@a",
            "#1",
            "* LIKE 's%'",
        ),
        *("max(COLUMNS(*))", "COLUMNS([@t])", "unnest(@s)", "unnest(@a)", "unnest(@l)", "* RENAME (id AS @h)"),
        *("COLUMNS(@a.*)", "COLUMNS(* EXCLUDE (id))", "struct_pack(*COLUMNS(*))", "coalesce(*COLUMNS(*)::VARCHAR)"),
    ),
    "postgres": ("@a.*", "*", "@a", "(@a).*", "unnest(@l)", "(@cs).*", "jsonb_each(@j)", "(row(@a.*))"),
    "mysql": ("@a.*", "*"),
}
"""Items of a select list whose columns are not tracked."""

TAILS = {
    "sqlite": ("LIMIT 1000", "LIMIT 1000 OFFSET (SELECT count(*) FROM @v)", "WINDOW @x AS (ORDER BY @n)"),
    "duckdb": ("LIMIT 1000", "LIMIT (SELECT 1000 + max(@h) FROM @v)", "QUALIFY max(@n) OVER () > @n", "ORDER BY ALL"),
    "postgres": (
        "LIMIT 1000",
        "LIMIT (SELECT 1000 + count(*) FROM @v)",
        "FETCH FIRST 1000 ROWS ONLY",
        "WINDOW @x AS (ORDER BY @n)",
    ),
    "mysql": ("LIMIT 1000",),
}
"""Clauses after ORDER BY or in its place. None cuts rows off, since which ones are left is up to the plan."""
