"""Shapes of context that could cost more than their size: 40 of each of nine kinds, made at any length.

`SHAPES[kind][name](size)` is a text of about `size` characters of that kind (a name of `ctxprune.rag.kinds.KINDS`).
Real-looking inputs stand beside hostile ones: one line, one column, nothing but delimiters, marks that are never
closed, marks that point at each other, deep nesting, characters of other scripts, and line ends of every kind.
"""

from __future__ import annotations

import random
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Shape = Callable[[int], str]

__all__ = ["QUESTION", "SHAPES"]

QUESTION = "Which river flows through the old town of Lisbon in 1755?"
_SEED = 0
_WORDS = (
    "river town old Lisbon Tagus bridge flows through the of in a earthquake 1755 harbour ship grain market street "
    "stone and was it built by king queen house water north south year people trade wine salt road wall gate tower"
).split()


def repeat(piece: str, size: int, before: str = "", after: str = "") -> str:
    """`piece` again and again, between `before` and `after`."""
    return before + piece * max(1, (size - len(before) - len(after)) // len(piece)) + after


def number(make: Callable[[int], str], size: int, before: str = "", after: str = "", *, between: str = "") -> str:
    """`make(0)`, `make(1)`, ..., between `before` and `after`."""
    left, made = size - len(before) - len(after), []
    for index in count():
        if left <= 0 and made:
            break
        made.append(make(index))
        left -= len(made[-1]) + len(between)
    return before + between.join(made) + after


def nest(opening: str, closing: str, size: int, inner: str = "x", *, depth: int = 0) -> str:
    """`inner` in as many pairs as there is room for, or `depth` of them, over and over."""
    if depth:
        return repeat(opening * depth + inner + closing * depth, size)
    times = max(1, size // (len(opening) + len(closing)))
    return opening * times + inner + closing * times


def sentence(index: int) -> str:
    """A sentence of its own for each index."""
    rng = random.Random(_SEED + index)
    return " ".join(rng.choices(_WORDS, k=rng.randint(6, 20))).capitalize() + f" {index}."


def word(index: int) -> str:
    """A word of its own for each index."""
    return f"{_WORDS[index % len(_WORDS)]}{index}"


def _fixed(piece: str, before: str = "", after: str = "") -> Shape:
    return lambda size: repeat(piece, size, before, after)


def _made(make: Callable[[int], str], before: str = "", after: str = "", *, between: str = "") -> Shape:
    return lambda size: number(make, size, before, after, between=between)


TEXT: dict[str, Shape] = {
    "sentences": _made(lambda i: sentence(i) + " "),
    "sentences, a line each": _made(lambda i: sentence(i) + "\n"),
    "paragraphs": _made(lambda i: sentence(i) + ("\n\n" if i % 5 == 4 else " ")),
    "wrapped lines": _made(lambda i: sentence(i)[:70] + "\n"),
    "one word": _fixed("a"),
    "no white space, words": _made(lambda i: word(i)),
    "spaces": _fixed(" "),
    "spaces and a letter": _fixed(" " * 999 + "a"),
    "line ends": _fixed("\n"),
    "CR": _fixed("\r"),
    "CRLF lines": _made(lambda i: f"{word(i)} {word(i + 1)}\r\n"),
    "CR lines": _made(lambda i: f"{word(i)} {word(i + 1)}\r"),
    "U+2028": _fixed("\u2028"),
    "U+2028 lines": _made(lambda i: f"{word(i)}\u2028"),
    "U+0085 and a letter": _fixed("a\x85"),
    "a letter a line": _fixed("a\n"),
    "full stops": _fixed("."),
    "letters and full stops": _fixed("a. "),
    "question marks": _fixed("?! "),
    "ellipses": _fixed("… "),
    "abbreviations": _fixed("Dr. Mr. e.g. i.e. "),
    "open brackets": _fixed("("),
    "open brackets and words": _made(lambda i: f"({word(i)} "),
    "open quotes": _made(lambda i: f'"{word(i)} '),
    "curly quotes": _made(lambda i: f"“{word(i)}. "),
    "list items": _made(lambda i: f"- {word(i)}\n"),
    "numbered items": _made(lambda i: f"{i}. {word(i)}\n"),
    "markers alone": _fixed("1. "),
    "commas": _fixed(","),
    "commas and words": _made(lambda i: f"{word(i)}, "),
    "Chinese": _fixed("里斯本的老城区有一条河流经过。"),
    "Chinese without stops": _fixed("里斯本的老城区有一条河流经过"),
    "Thai": _fixed("แม่น้ำไหลผ่านเมืองเก่า"),
    "combining marks": _fixed("a" + "\u0301" * 50),
    "nothing but marks": _fixed("\u0301"),
    "joined emoji": _fixed("👩\u200d"),
    "lone surrogates": _fixed("\ud800"),
    "NUL": _fixed("\x00"),
    "numbers": _made(lambda i: f"{i} "),
    "a long camel case": _fixed("aB1"),
}

MARKDOWN: dict[str, Shape] = {
    "paragraphs": _made(lambda i: sentence(i) + ("\n\n" if i % 5 == 4 else " ")),
    "sections": _made(lambda i: f"{'#' * (i % 6 + 1)} {word(i)}\n\n{sentence(i)}\n\n"),
    "headings": _made(lambda i: f"# {word(i)}\n"),
    "headings, ever deeper": _made(lambda i: f"{'#' * (i % 6 + 1)} {word(i)}\n"),
    "underlined headings": _made(lambda i: f"{word(i)}\n===\n\n"),
    "number signs": _fixed("#"),
    "number signs and spaces": _fixed("# "),
    "open images": _fixed("!["),
    "images": _made(lambda i: f"![{word(i)}](https://a.example/{i}.png) "),
    "open links": _fixed("["),
    "open links and words": _made(lambda i: f"[{word(i)} "),
    "links": _made(lambda i: f"[{word(i)}](https://a.example/{i}) "),
    "nested links": lambda size: nest("[", "](a)", size),
    "link definitions": _made(lambda i: f"[{word(i)}]: https://a.example/{i}\n"),
    "open fences": _fixed("```\n~~~x\n"),
    "fences of many lengths": _made(lambda i: "`" * (i % 40 + 3) + "x\n"),
    "fences ever longer": lambda size: "".join("`" * i + "x\n" for i in range(3, int((2 * size) ** 0.5))),
    "fences that do not close": _made(lambda i: ("```x\n", "~~~\n", "$$a\n")[i % 3]),
    "one fence": _made(lambda i: f"{word(i)} = {i}\n", "```\n", "```\n"),
    "fenced blocks": _made(lambda i: f"```py\n{word(i)} = {i}\n```\n\n"),
    "backticks": _fixed("`"),
    "code spans": _made(lambda i: f"`{word(i)}` "),
    "asterisks": _fixed("*"),
    "emphasis": _made(lambda i: f"**{word(i)}** *{word(i)}* "),
    "open emphasis": _fixed("*a **a "),
    "underscores": _fixed("_a_"),
    "list items": _made(lambda i: f"* {word(i)}\n"),
    "nested list items": _made(lambda i: f"{'  ' * (i % 50)}- {word(i)}\n"),
    "indented code": _made(lambda i: f"    {word(i)} = {i}\n"),
    "indented code after empty lines": _made(lambda i: f"\n    {word(i)}\n"),
    "quotations": _made(lambda i: f"> {word(i)}\n"),
    "deep quotations": _fixed(">" * 200 + " a\n"),
    "one table": _made(lambda i: f"| {word(i)} | {i} |\n", "| a | b |\n|---|---|\n"),
    "tables": _made(lambda i: f"| a | b |\n|---|---|\n| {word(i)} | {i} |\n\n"),
    "pipes": _fixed("|"),
    "rules": _fixed("---\n"),
    "one long rule": _fixed("-"),
    "front matter": _made(lambda i: f"{word(i)}: {i}\n", "---\n", "---\n"),
    "HTML in it": _made(lambda i: f"<div>{word(i)}</div>\n"),
    "formulas": _made(lambda i: f"$$\nx_{i} = {i}\n$$\n\n"),
}


def _deep_html(size: int) -> str:
    return nest("<div>", "</div>", size)


HTML: dict[str, Shape] = {
    "page": _made(lambda i: f"<h2>{word(i)}</h2><p>{sentence(i)} <a href=/{i}>{word(i)}</a></p>\n"),
    "paragraphs on one line": _made(lambda i: f"<p>{word(i)}</p>"),
    "open paragraphs": _fixed("<p>"),
    "open paragraphs and words": _made(lambda i: f"<p>{word(i)}"),
    "one text": _made(lambda i: f"{word(i)} ", "<p>"),
    "one word": _fixed("a", "<p>"),
    "spaces": _fixed(" ", "<p>"),
    "less-than signs": _fixed("<"),
    "less-than and letter": _fixed("<a"),
    "open tags": _made(lambda i: f"<a{i} "),
    "open tag": _made(lambda i: f" a{i}=b", "<p", ">x"),
    "open attribute": _fixed("a ", '<p a="'),
    "open comments": _fixed("<!--"),
    "comments": _made(lambda i: f"<!-- {i} -->a"),
    "divs, deep": _deep_html,
    "divs, open": _fixed("<div>a"),
    "fonts, deep": lambda size: nest("<font>", "</font>", size),
    "bold, open": _fixed("<b>a"),
    "misnested": _fixed("<b><i>a</b>c</i>"),
    "misnested blocks": _fixed("<b><p>a</b>c</p>"),
    "links, open": _made(lambda i: f"<a href={i}>{word(i)}"),
    "one table": _made(lambda i: f"<tr><td>{word(i)}</td><td>{i}</td></tr>", "<table><tr><th>a<th>b</tr>"),
    "one row": _made(lambda i: f"<td>{word(i)}", "<table><tr>"),
    "tables": _made(lambda i: f"<table><tr><th>a<th>b<tr><td>{word(i)}<td>{i}</table>"),
    "tables, deep": lambda size: nest("<table><tr><td>", "</table>", size),
    "open tables": _fixed("<table>"),
    "text in tables": _fixed("<table>a"),
    "colspans": _made(lambda i: f"<tr><td colspan=1000>{i}<td>a", "<table>"),
    "rowspans": _made(lambda i: f"<tr><td rowspan=65534>{i}<td>a", "<table>"),
    "list items": _made(lambda i: f"<li>{word(i)}", "<ul>"),
    "lists, deep": lambda size: nest("<ul><li>", "</li></ul>", size),
    "headings": _made(lambda i: f"<h{i % 6 + 1}>{word(i)}</h{i % 6 + 1}>"),
    "breaks": _fixed("a<br>"),
    "images": _fixed('<img src=a alt="river">'),
    "references": _fixed("&amp;"),
    "open references": _fixed("&amp"),
    "one script": _fixed("a = '<p>';\n", "<script>", "</script>"),
    "scripts": _fixed("<script>a</script>b"),
    "options": _made(lambda i: f"<option>{word(i)}", "<select>"),
    "end tags": _fixed("</p>"),
}


def _csv_rows(size: int, width: int, cell: Callable[[int], str] = word, *, end: str = "\n", mark: str = ",") -> str:
    numbers = count()
    head = mark.join(f"c{i}" for i in range(width)) + end
    return number(lambda _: mark.join(cell(next(numbers)) for _ in range(width)) + end, size, head)


CSV: dict[str, Shape] = {
    "5 columns": partial(_csv_rows, width=5),
    "50 columns": partial(_csv_rows, width=50),
    "1,000 columns": partial(_csv_rows, width=1000),
    "one column": partial(_csv_rows, width=1),
    "one column of letters": _fixed("a\n"),
    "one column of lines": _made(lambda i: sentence(i) + "\n"),
    "one line": _made(lambda i: word(i), between=","),
    "one line of letters": _fixed("a,"),
    "two lines": lambda size: number(word, size // 2, between=",") + "\n" + number(word, size // 2, between=","),
    "as many columns as rows": lambda size: _csv_rows(size, max(1, int((size / 6) ** 0.5))),
    "commas": _fixed(","),
    "commas, lines": _fixed("," * 999 + "\n"),
    "commas, two a line": _fixed(",,\n"),
    "commas behind a header": _fixed(",,\n", "a,b,c\n"),
    "semicolons": _fixed(";"),
    "line ends": _fixed("\n"),
    "CRLF": _fixed("\r\n", "a,b\r\n"),
    "CR": partial(_csv_rows, width=5, end="\r"),
    "quotes": _fixed('"'),
    "quotes, spaced": _fixed(' "'),
    "quoted cells": partial(_csv_rows, width=5, cell=lambda i: f'"{word(i)}, and"'),
    "open quote": partial(_csv_rows, width=5, cell=lambda i: '"a' if i == 7 else word(i)),
    "an open quote in each line": _made(lambda i: f'a,"b{i}\n'),
    "spaced quotes": _made(lambda i: f'a, "b{i}" ,c\n'),
    "spaced open quotes": _made(lambda i: f'a, "b{i},c\n'),
    "spaces before quotes": _fixed(" " * 50 + '"'),
    "one cell": _fixed("a"),
    "one cell of spaces": _fixed(" "),
    "one quoted cell": _fixed("a, ", 'a,b\n"', '",c\n'),
    "lines in cells": _made(lambda i: f'{i},"{word(i)}\n{word(i)}"\n', "a,b\n"),
    "numbers": partial(_csv_rows, width=8, cell=str),
    "years": partial(_csv_rows, width=8, cell=lambda i: str(1500 + i % 500)),
    "dates": partial(_csv_rows, width=4, cell=lambda i: f"20{i % 90 + 10}-0{i % 9 + 1}-1{i % 9}"),
    "one value": partial(_csv_rows, width=5, cell=lambda _: "same"),
    "ever longer rows": lambda size: "".join("a," * i + "\n" for i in range(1, int(size**0.5))),
    "one long row": lambda size: "a,b\n" * 1000 + "c," * ((size - 4000) // 2),
    "comments": _made(lambda i: f"# (note {i})\n"),
    "comment above": lambda size: "# (5 of 9 rows)\n" + _csv_rows(size - 16, 4),
    "pipes": partial(_csv_rows, width=5, mark="|"),
    "other scripts": partial(_csv_rows, width=5, cell=lambda i: f"里斯本的老城{i}"),
}


def _pipes(size: int, width: int, cell: Callable[[int], str] = word, *, end: str = "\n") -> str:
    numbers = count()
    head = "|" + "|".join(f"c{i}" for i in range(width)) + f"|{end}" + "|---" * width + f"|{end}"
    return number(lambda _: "|" + "|".join(cell(next(numbers)) for _ in range(width)) + f"|{end}", size, head)


TABLE: dict[str, Shape] = {
    "5 columns": partial(_pipes, width=5),
    "50 columns": partial(_pipes, width=50),
    "1,000 columns": partial(_pipes, width=1000),
    "one column": partial(_pipes, width=1),
    "two columns of letters": partial(_pipes, width=2, cell=lambda _: "a"),
    "one row": lambda size: _pipes(size // 3, max(1, size // 24)),
    "as many columns as rows": lambda size: _pipes(size, max(1, int((size / 6) ** 0.5))),
    "empty cells": partial(_pipes, width=5, cell=lambda _: ""),
    "empty cells, one row": _fixed("|", "|a|b|\n|---|---|\n"),
    "a header of pipes": lambda size: "|" * (size // 4) + "\n" + "|-" * (size // 4) + "|\n",
    "a rule of dashes": _fixed("-", "|a|b|\n|-|"),
    "rules": _fixed("|---|---|\n"),
    "rules of other widths": _made(lambda i: "|-" * (i % 7 + 1) + "|\n", "", "|a|b|\n|-|-|\n|c|d|\n"),
    "pipes before a table": _fixed("| a | b |\n", "", "\n| a | b |\n|---|---|\n| c | d |\n"),
    "long lines before a table": _fixed("|" * 9999 + "\n", "", "\n| a | b |\n|---|---|\n| c | d |\n"),
    "text before a table": _made(lambda i: sentence(i) + "\n", "", "\n| a | b |\n|---|---|\n| c | d |\n"),
    "text behind a table": _made(lambda i: sentence(i) + "\n", "| a | b |\n|---|---|\n| c | d |\n\n"),
    "line ends before a table": _fixed("\n", "", "| a | b |\n|---|---|\n| c | d |\n"),
    "line ends behind a table": _fixed("\n", "| a | b |\n|---|---|\n| c | d |\n"),
    "spaces before a table": _fixed(" ", "", "\n| a | b |\n|---|---|\n| c | d |\n"),
    "tables": _fixed("| a | b |\n|---|---|\n| c | d |\n\n"),
    "escaped pipes": partial(_pipes, width=3, cell=lambda i: f"a\\|{i}"),
    "backslashes": partial(_pipes, width=2, cell=lambda _: "\\" * 200),
    "one cell of backslashes": _fixed("\\", "|a|b|\n|---|---|\n|", "|c|\n"),
    "breaks": partial(_pipes, width=3, cell=lambda i: f"a<br>{i}<br/>"),
    "open breaks": _fixed("<br ", "|a|b|\n|---|---|\n|", "|c|\n"),
    "one break": _fixed(" ", "|a|b|\n|---|---|\n|<br", "|c|\n"),
    "spaces in cells": partial(_pipes, width=3, cell=lambda _: " " * 300),
    "one cell of spaces": _fixed(" ", "|a|b|\n|---|---|\n|", "|c|\n"),
    "one cell": _fixed("a", "|a|b|\n|---|---|\n|", "|c|\n"),
    "one cell of words": _made(lambda i: f"{word(i)} ", "|a|b|\n|---|---|\n|", "|c|\n"),
    "without outer pipes": lambda size: "a|b\n-|-\n" + number(lambda i: f"{word(i)}|{i}\n", size),
    "ever longer rows": lambda size: (
        "|a|b|\n|-|-|\n" + "".join("|" * i + "\n" for i in range(1, int((2 * size) ** 0.5)))
    ),
    "CRLF": partial(_pipes, width=5, end="\r\n"),
    "CR": partial(_pipes, width=5, end="\r"),
    "numbers": partial(_pipes, width=8, cell=str),
    "years": partial(_pipes, width=8, cell=lambda i: str(1500 + i % 500)),
    "sentences": partial(_pipes, width=2, cell=sentence),
    "one value": partial(_pipes, width=5, cell=lambda _: "same"),
    "other scripts": partial(_pipes, width=5, cell=lambda i: f"里斯本的老城{i}"),
}

JSON: dict[str, Shape] = {
    "records": _made(lambda i: f'{{"id": {i}, "name": "{word(i)}", "year": {i % 3000}}}', "[", "]", between=", "),
    "records, JSON lines": _made(lambda i: f'{{"id": {i}, "name": "{word(i)}"}}\n'),
    "records, indented": _made(
        lambda i: f'  {{\n    "id": {i},\n    "name": "{word(i)}"\n  }}', "[", "]", between=",\n"
    ),
    "records, nested": _made(lambda i: f'{{"id": {i}, "a": {{"b": {{"c": "{word(i)}"}}}}}}', "[", "]", between=","),
    "records of sentences": _made(lambda i: f'{{"id": {i}, "text": "{sentence(i)}"}}', "[", "]", between=","),
    "records, a key of its own each": _made(lambda i: f'{{"{word(i)}": {i}}}', "[", "]", between=","),
    "records, many keys": _made(
        lambda i: "{" + ",".join(f'"k{j}": {i}' for j in range(200)) + "}", "[", "]", between=","
    ),
    "records, half the keys": _made(
        lambda i: "{" + ",".join(f'"k{j}": {i}' for j in range(i % 9, 60, 2)) + "}", "[", "]", between=","
    ),
    "lists of two records": _made(lambda i: f'"{word(i)}": [{{"a": {i}}}, {{"a": 2}}]', "{", "}", between=","),
    "large records": _made(
        lambda i: f'{{"id": {i}, "list": [{",".join(map(str, range(1500)))}]}}', "[", "]", between=","
    ),
    "members": _made(lambda i: f'"{word(i)}": {i}', "{", "}", between=","),
    "members of one key": _made(lambda i: f'"a": {i}', "{", "}", between=","),
    "members of objects": _made(lambda i: f'"{word(i)}": {{"a": {i}, "b": "{word(i)}"}}', "{", "}", between=","),
    "numbers": _made(str, "[", "]", between=","),
    "one number": _fixed("1"),
    "digits": _fixed("1,", "[", "1]"),
    "texts": _made(lambda i: f'"{word(i)}"', "[", "]", between=","),
    "sentences": _made(lambda i: f'"{sentence(i)}"', "[", "]", between=", "),
    "one text": _fixed("a", '"', '"'),
    "one text of words": _made(lambda i: f"{word(i)} ", '{"a": "', '"}'),
    "one key": _fixed("a", '{"', '": 1}'),
    "escapes": _fixed('\\"', '["', '"]'),
    "Unicode escapes": _fixed("\\u00e9", '["', '"]'),
    "backslashes": _fixed("\\\\", '["', '"]'),
    "lists, deep": lambda size: nest("[", "]", size, "1"),
    "lists, deep, with items": lambda size: nest("[1,", "]", size, "1"),
    "objects, deep": lambda size: nest('{"a":', "}", size, "1"),
    "objects, deep, own keys": lambda size: (
        "".join(f'{{"{word(i)}":' for i in range(size // 14)) + "1" + "}" * (size // 14)
    ),
    "lists, 100 deep": lambda size: "[" + ",".join([nest("[", "]", 1, "1", depth=100)] * (size // 202)) + "]",
    "objects, 100 deep": lambda size: "[" + ",".join([nest('{"a":', "}", 1, "1", depth=100)] * (size // 602)) + "]",
    "empty objects": _fixed("{},", "[", "{}]"),
    "empty lists": _fixed("[],", "[", "[]]"),
    "empty texts": _fixed('"",', "[", '""]'),
    "lists of lists": _made(lambda i: f'[{i}, "{word(i)}"]', "[", "]", between=","),
    "spaces": _fixed(" ", "[1,", "2]"),
    "spaces between": _fixed(" " * 500 + "1,", "[", "1]"),
    "line ends between": _fixed("\n1\n,", "[", "1]"),
    "numbers, JSON lines": _made(lambda i: f"{i}\n"),
    "texts of other scripts": _made(lambda i: f'"里斯本的老城{i}"', "[", "]", between=","),
    "geometry": _made(
        lambda i: f'{{"type": "Point", "at": [{i}.5, {i % 90}.25], "name": "{word(i)}"}}',
        '{"type": "FeatureCollection", "features": [',
        "]}",
        between=",",
    ),
}


def _properties(make: Callable[[int], str], before: str = "", after: str = "") -> Shape:
    return _made(
        lambda i: f'"{word(i)}": {make(i)}',
        f'{{"type": "object", "properties": {{{before}',
        f"{after}}}}}",
        between=",",
    )


def _definitions(make: Callable[[int], str], uses: str) -> Shape:
    return _made(lambda i: f'"d{i}": {make(i)}', f'{{"properties": {uses}, "$defs": {{', "}}", between=",")


def _layers(make: Callable[[int, int], str], width: int = 10) -> Shape:
    """Definitions in layers, each of which refers to all of the next."""
    return lambda size: number(
        lambda i: f'"d{i}": {make(i, width)}', size, '{"$ref": "#/$defs/d0", "$defs": {', "}}", between=","
    )


def _schema_chain(size: int) -> str:
    chain = max(1, size // 60)
    return (
        '{"$ref": "#/$defs/d0", "$defs": {'
        + ",".join(f'"d{i}": {{"properties": {{"next": {{"$ref": "#/$defs/d{i + 1}"}}}}}}' for i in range(chain))
        + f', "d{chain}": {{}}}}}}'
    )


_TEXTS = '{"type": "string"}'
SCHEMA: dict[str, Shape] = {
    "properties": _properties(lambda i: f'{{"type": "string", "description": "{sentence(i)}"}}'),
    "properties, flat": _properties(lambda _: _TEXTS),
    "properties, empty": _properties(lambda _: "{}"),
    "properties, true": _properties(lambda _: "true"),
    "properties, of objects": _properties(lambda i: f'{{"properties": {{"a": {_TEXTS}, "b{i}": {_TEXTS}}}}}'),
    "properties, 100 deep": lambda size: (
        '{"properties": {'
        + ",".join(
            f'"p{i}": ' + nest('{"properties": {"a": ', "}}", 1, "{}", depth=90) for i in range(max(1, size // 2300))
        )
        + "}}"
    ),
    "properties of required": lambda size: (
        number(lambda i: f'"{word(i)}": {_TEXTS}', size * 3 // 4, '{"properties": {', "}", between=",")
        + ', "required": ['
        + ",".join(f'"{word(i)}"' for i in range(size // 40))
        + "]}"
    ),
    "of itself": _properties(lambda _: '{"$ref": "#"}'),
    "of itself, and more": _properties(lambda i: f'{{"$ref": "#", "description": "{word(i)}"}}'),
    "items of itself": _properties(lambda _: '{"type": "array", "items": {"$ref": "#"}}'),
    "any of itself": _properties(lambda _: '{"anyOf": [{"$ref": "#"}, {"type": "null"}]}'),
    "of one definition": _properties(
        lambda _: '{"$ref": "#/$defs/a"}', after='}, "$defs": {"a": {"properties": {"x": {}}}'
    ),
    "of one definition that is of it": _properties(
        lambda _: '{"$ref": "#/$defs/a"}', after='}, "$defs": {"a": {"properties": {"x": {"$ref": "#"}}}'
    ),
    "of a definition each": lambda size: (
        number(
            lambda i: f'"{word(i)}": {{"$ref": "#/$defs/d{i}"}}',
            size // 2,
            '{"properties": {',
            '}, "$defs": {',
            between=",",
        )
        + ",".join(f'"d{i}": {_TEXTS}' for i in range(size // 90))
        + "}}"
    ),
    "of each other": lambda size: number(
        lambda i: f'"p{i}": {{"$ref": "#/properties/p{i + 1}"}}', size, '{"properties": {', ', "z": {}}}', between=","
    ),
    "of one before": lambda size: number(
        lambda i: f'"p{i}": {{"$ref": "#/properties/p{max(i - 1, 0)}"}}', size, '{"properties": {', "}}", between=","
    ),
    "a chain of definitions": _schema_chain,
    "layers of definitions": _layers(
        lambda i, w: (
            '{"properties": {'
            + ",".join(f'"a{j}": {{"$ref": "#/$defs/d{i // w * w + w + j}"}}' for j in range(w))
            + "}}"
        )
    ),
    "layers of allOf": _layers(
        lambda i, w: (
            '{"allOf": ['
            + ",".join(f'{{"$ref": "#/$defs/d{i // w * w + w + j}"}}' for j in range(w))
            + f'], "properties": {{"q{i}": {{}}}}}}'
        )
    ),
    "a ring of definitions": lambda size: number(
        lambda i: f'"d{i}": {{"properties": {{"n{i}": {{"$ref": "#/$defs/d{i + 1}"}}}}}}',
        size,
        '{"$ref": "#/$defs/d0", "$defs": {',
        ', "z": {"$ref": "#"}}}',
        between=",",
    ),
    "unused definitions": _definitions(lambda _: _TEXTS, '{"a": {}}'),
    "unused definitions of objects": _definitions(lambda i: f'{{"properties": {{"p{i}": {_TEXTS}}}}}', '{"a": {}}'),
    "references to nothing": _properties(lambda i: f'{{"$ref": "#/nothing/{i}"}}'),
    "references to pages": _properties(lambda i: f'{{"$ref": "https://a.example/{i}"}}'),
    "anchors": lambda size: number(
        lambda i: f'"{word(i)}": {{"$anchor": "a{i}", "items": {{"$ref": "#a{i // 2}"}}}}',
        size,
        '{"properties": {',
        "}}",
        between=",",
    ),
    "long pointers": _properties(lambda _: f'{{"$ref": "#{"/properties/a" * 20}"}}', before='"a": {},'),
    "allOf": _made(lambda i: f'{{"properties": {{"{word(i)}": {_TEXTS}}}}}', '{"allOf": [', "]}", between=","),
    "allOf of one property": _made(
        lambda i: f'{{"properties": {{"a": {{"title": "{word(i)}"}}}}}}', '{"allOf": [', "]}", between=","
    ),
    "oneOf": _made(
        lambda i: f'{{"properties": {{"kind": {{"const": "{word(i)}"}}, "b{i}": {{}}}}, "required": ["kind"]}}',
        '{"oneOf": [',
        "]}",
        between=",",
    ),
    "oneOf, told by nothing": _made(
        lambda i: f'{{"properties": {{"a": {{}}, "b": {{"type": "string"}}}}}}', '{"oneOf": [', "]}", between=","
    ),
    "anyOf": _made(
        lambda i: f'{{"properties": {{"{word(i)}": {{}}}}, "required": ["{word(i)}"]}}',
        '{"anyOf": [',
        "]}",
        between=",",
    ),
    "if and then": _made(
        lambda i: f'{{"if": {{"properties": {{"a{i}": {{"const": 1}}}}}}, "then": {{"required": ["b{i}"]}}}}',
        '{"properties": {"x": {}}, "allOf": [',
        "]}",
        between=",",
    ),
    "not": _properties(lambda i: f'{{"not": {{"properties": {{"a{i}": {{}}}}}}}}'),
    "enumerations": _properties(lambda i: '{"enum": [' + ",".join(f'"{word(i + j)}"' for j in range(20)) + "]}"),
    "one enumeration": _made(lambda i: f'"{word(i)}"', '{"properties": {"a": {"enum": [', ']}, "b": {}}}', between=","),
    "patterns": _properties(lambda i: f'{{"pattern": "^(a|b{i})*$"}}'),
    "patternProperties": _made(
        lambda i: f'"^{word(i)}": {_TEXTS}', '{"patternProperties": {', '}, "properties": {"a": {}}}', between=","
    ),
    "dependentSchemas": _made(
        lambda i: f'"{word(i)}": {{"properties": {{"b{i}": {{}}}}}}',
        '{"properties": {"a": {}}, "dependentSchemas": {',
        "}}",
        between=",",
    ),
    "one description": _made(lambda i: f"{word(i)} ", '{"properties": {"a": {"description": "', '"}, "b": {}}}'),
    "indented": _made(
        lambda i: f'    "{word(i)}": {{\n      "type": "string"\n    }}',
        '{\n  "properties": {\n',
        "\n  }\n}",
        between=",\n",
    ),
}


def _tool(name: str, properties: str, described: str = "") -> str:
    return f'{{"name": "{name}", "description": "{described}", "input_schema": {{"type": "object", "properties": {{{properties}}}}}}}'


def _tools(make: Callable[[int], str], before: str = "[", after: str = "]") -> Shape:
    return _made(make, before, after, between=", ")


def _one_tool(schema: Shape) -> Shape:
    """One tool, whose parameters are that schema."""
    return lambda size: '[{"name": "a", "description": "b", "input_schema": ' + schema(size) + "}]"


TOOLS: dict[str, Shape] = {
    "tools": _tools(lambda i: _tool(f"t{i}", f'"{word(i)}": {_TEXTS}, "b": {_TEXTS}', sentence(i))),
    "tools without parameters": _tools(lambda i: _tool(f"t{i}", "")),
    "tools without descriptions": _tools(lambda i: f'{{"name": "t{i}", "input_schema": {{}}}}'),
    "tools of OpenAI": _tools(
        lambda i: f'{{"type": "function", "function": {{"name": "t{i}", "description": "{word(i)}", "parameters": {{"properties": {{"a": {_TEXTS}}}}}}}}}'
    ),
    "tools of MCP": _tools(
        lambda i: f'{{"name": "t{i}", "description": "{word(i)}", "inputSchema": {{"properties": {{"a": {_TEXTS}}}}}}}', '{"tools": [', "]}"
    ),
    "tools of many parameters": _tools(lambda i: _tool(f"t{i}", ",".join(f'"p{j}": {_TEXTS}' for j in range(100)))),
    "tools of one name": _tools(lambda _: _tool("a", f'"b": {_TEXTS}')),
    "tools that look alike": _tools(lambda i: _tool(f"t{i}", f'"b": {_TEXTS}', "the same")),
    "tools of long names": _tools(lambda i: _tool("t" * 500 + str(i), "")),
    "tools of long descriptions": _tools(lambda i: _tool(f"t{i}", "", " ".join(map(sentence, range(i, i + 50))))),
    "tools, indented": _tools(lambda i: "\n  " + _tool(f"t{i}", f'\n    "b": {_TEXTS}')),
    "tools, no JSON names": _tools(lambda i: _tool(f"里斯本{i}", f'"河{i}": {_TEXTS}')),
    "tools that refer to themselves": _tools(lambda i: _tool(f"t{i}", '"a": {"$ref": "#"}, "b": {"$ref": "#"}')),
    "tools with definitions": _tools(
        lambda i: f'{{"name": "t{i}", "input_schema": {{"properties": {{"a": {{"$ref": "#/$defs/x"}}}}, "$defs": {{"x": {{"properties": {{"y": {{}}}}}}}}}}}}'
    ),
    "tools with enumerations": _tools(
        lambda i: _tool(f"t{i}", '"a": {"enum": [' + ",".join(f'"{word(i + j)}"' for j in range(30)) + "]}")
    ),
    "tools, deep": _tools(lambda i: _tool(f"t{i}", '"a": ' + nest('{"properties": {"a": ', "}}", 1, "{}", depth=80))),
    "one tool": lambda size: "[" + _tool("a", number(lambda i: f'"{word(i)}": {_TEXTS}', size, between=",")) + "]",
    "one tool, described": lambda size: "[" + _tool("a", number(lambda i: f'"{word(i)}": {{"description": "{sentence(i)}"}}', size, between=",")) + "]",
    "one description": lambda size: "[" + _tool("a", "", number(lambda i: f"{word(i)} ", size)) + "]",
    "empty tools": _fixed('{"name": "a"},', "[", '{"name": "b"}]'),
    **{f"one tool: {name}": _one_tool(SCHEMA[name]) for name in (
        "of itself", "of itself, and more", "items of itself", "any of itself", "of one definition",
        "of one definition that is of it", "of a definition each", "of each other", "a chain of definitions",
        "layers of definitions", "layers of allOf", "unused definitions", "anchors", "allOf", "oneOf", "anyOf",
        "if and then", "not", "patternProperties", "one enumeration",
    )},
}  # fmt: skip


def _stamp(index: int) -> str:
    return f"2026-11-28 {index // 3600 % 24:02}:{index // 60 % 60:02}:{index % 60:02},{index % 1000:03}"


LOG: dict[str, Shape] = {
    "one template": _made(lambda i: f"{_stamp(i)} INFO river gate {i} opened\n"),
    "templates": _made(lambda i: f"{_stamp(i)} INFO {_WORDS[i % 40]} {_WORDS[i // 40 % 40]} {i} ms\n"),
    "a template each": _made(lambda i: f"{_stamp(i)} INFO {sentence(i)}\n"),
    "words that change": _made(
        lambda i: f"{_stamp(i)} WARN user {_WORDS[i % 40]}{'x' * (i % 50)} logged in from {_WORDS[i // 7 % 40]}\n"
    ),
    "stack traces": _made(
        lambda i: (
            f"{_stamp(i)} ERROR failed {i}\nTraceback (most recent call last):\n"
            + '  File "/a/b.py", line 3, in f\n' * 20
            + "ValueError: x\n"
        )
    ),
    "one stack trace": _fixed("    at a.b.C.d(C.java:10)\n", "2026-11-28 10:00:00 ERROR failed\n"),
    "JSON lines": _made(
        lambda i: f'{{"time": "{_stamp(i)}", "level": "info", "msg": "gate {word(i)} opened", "n": {i}}}\n'
    ),
    "JSON on one line": _made(lambda i: f'{{"time": "{_stamp(i)}", "msg": "gate {word(i)} opened"}}', between=" "),
    "key and value": _made(lambda i: f"ts={i} level=info msg=open gate={word(i)}\n"),
    "access log": _made(
        lambda i: f'10.0.{i % 250}.1 - - [28/Nov/2026:10:00:{i % 60:02} +0000] "GET /a/{i} HTTP/1.1" 200 {i}\n'
    ),
    "syslog": _made(lambda i: f"Nov 28 10:00:{i % 60:02} host sshd[{i}]: accepted {word(i)}\n"),
    "one line": _made(lambda i: f"{_stamp(i)} INFO gate {i} opened "),
    "one line of letters": _fixed("a"),
    "one line of words": _made(lambda i: f"{word(i)} "),
    "one line of spaces": _fixed(" ", "a", "a"),
    "one line of digits": _fixed("1"),
    "one line of digits and points": _fixed("1."),
    "one line of colons": _fixed("1:"),
    "one line of letters and digits": _fixed("a1"),
    "one line of hexadecimals": _fixed("a1b2-"),
    "one line of slashes": _fixed("/"),
    "one line of paths": _made(lambda i: f"/{word(i)}"),
    "one line of points and slashes": _fixed("./"),
    "one line of at signs": _fixed("a@"),
    "one line of addresses": _made(lambda i: f"{word(i)}@a.example "),
    "one line of URLs": _made(lambda i: f"https://a.example/{i} "),
    "one line of colons and slashes": _fixed("a://"),
    "one line of quotes": _fixed('"'),
    "one line of quotes and words": _made(lambda i: f"'{word(i)} "),
    "one line of backslashes": _fixed("A:\\"),
    "one line of months": _fixed("Mon, Jan "),
    "line ends": _fixed("\n"),
    "a letter a line": _fixed("a\n"),
    "a word of its own a line": _made(lambda i: f"{word(i)}\n"),
    "indented lines": _made(lambda i: f"  {word(i)}\n"),
    "CR": _made(lambda i: f"{_stamp(i)} INFO {word(i)}\r"),
    "CRLF": _made(lambda i: f"{_stamp(i)} INFO {word(i)}\r\n"),
    "59 words a line": _made(lambda i: " ".join(_WORDS[(i * j) % 40] for j in range(59)) + "\n"),
    "a line of 1,000 words": _made(lambda i: " ".join(word(i + j) for j in range(1000)) + "\n"),
    "other scripts": _made(lambda i: f"{_stamp(i)} 错误 里斯本的老城 {i}\n"),
}

SHAPES: dict[str, dict[str, Shape]] = {
    "csv": CSV,
    "html": HTML,
    "json": JSON,
    "log": LOG,
    "markdown": MARKDOWN,
    "schema": SCHEMA,
    "table": TABLE,
    "text": TEXT,
    "tools": TOOLS,
}
"""By kind (`tsv` is read as `csv` is, with another delimiter) and by name."""
