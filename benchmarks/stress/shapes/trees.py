"""JSON texts."""

# what is made reads best on one line

from __future__ import annotations

from typing import TYPE_CHECKING

from .making import fixed, made, nest, sentence, word

if TYPE_CHECKING:
    from .making import Shape

__all__ = ["JSON"]

JSON: dict[str, Shape] = {
    "records": made(lambda i: f'{{"id": {i}, "name": "{word(i)}", "year": {i % 3000}}}', "[", "]", between=", "),
    "records, JSON lines": made(lambda i: f'{{"id": {i}, "name": "{word(i)}"}}\n'),
    "records, indented": made(
        lambda i: f'  {{\n    "id": {i},\n    "name": "{word(i)}"\n  }}', "[", "]", between=",\n"
    ),
    "records, nested": made(lambda i: f'{{"id": {i}, "a": {{"b": {{"c": "{word(i)}"}}}}}}', "[", "]", between=","),
    "records of sentences": made(lambda i: f'{{"id": {i}, "text": "{sentence(i)}"}}', "[", "]", between=","),
    "records, a key of its own each": made(lambda i: f'{{"{word(i)}": {i}}}', "[", "]", between=","),
    "records, many keys": made(
        lambda i: "{" + ",".join(f'"k{j}": {i}' for j in range(200)) + "}", "[", "]", between=","
    ),
    "records, half the keys": made(
        lambda i: "{" + ",".join(f'"k{j}": {i}' for j in range(i % 9, 60, 2)) + "}", "[", "]", between=","
    ),
    "lists of two records": made(lambda i: f'"{word(i)}": [{{"a": {i}}}, {{"a": 2}}]', "{", "}", between=","),
    "large records": made(
        lambda i: f'{{"id": {i}, "list": [{",".join(map(str, range(1500)))}]}}', "[", "]", between=","
    ),
    "members": made(lambda i: f'"{word(i)}": {i}', "{", "}", between=","),
    "members of one key": made(lambda i: f'"a": {i}', "{", "}", between=","),
    "members of objects": made(lambda i: f'"{word(i)}": {{"a": {i}, "b": "{word(i)}"}}', "{", "}", between=","),
    "numbers": made(str, "[", "]", between=","),
    "one number": fixed("1"),
    "digits": fixed("1,", "[", "1]"),
    "texts": made(lambda i: f'"{word(i)}"', "[", "]", between=","),
    "sentences": made(lambda i: f'"{sentence(i)}"', "[", "]", between=", "),
    "one text": fixed("a", '"', '"'),
    "one text of words": made(lambda i: f"{word(i)} ", '{"a": "', '"}'),
    "one key": fixed("a", '{"', '": 1}'),
    "escapes": fixed('\\"', '["', '"]'),
    "Unicode escapes": fixed("\\u00e9", '["', '"]'),
    "backslashes": fixed("\\\\", '["', '"]'),
    "lists, deep": lambda size: nest("[", "]", size, "1"),
    "lists, deep, with items": lambda size: nest("[1,", "]", size, "1"),
    "objects, deep": lambda size: nest('{"a":', "}", size, "1"),
    "objects, deep, own keys": lambda size: (
        "".join(f'{{"{word(i)}":' for i in range(size // 14)) + "1" + "}" * (size // 14)
    ),
    "lists, 100 deep": lambda size: "[" + ",".join([nest("[", "]", 1, "1", depth=100)] * (size // 202)) + "]",
    "objects, 100 deep": lambda size: "[" + ",".join([nest('{"a":', "}", 1, "1", depth=100)] * (size // 602)) + "]",
    "empty objects": fixed("{},", "[", "{}]"),
    "empty lists": fixed("[],", "[", "[]]"),
    "empty texts": fixed('"",', "[", '""]'),
    "lists of lists": made(lambda i: f'[{i}, "{word(i)}"]', "[", "]", between=","),
    "spaces": fixed(" ", "[1,", "2]"),
    "spaces between": fixed(" " * 500 + "1,", "[", "1]"),
    "line ends between": fixed("\n1\n,", "[", "1]"),
    "numbers, JSON lines": made(lambda i: f"{i}\n"),
    "texts of other scripts": made(lambda i: f'"里斯本的老城{i}"', "[", "]", between=","),
    "geometry": made(
        lambda i: f'{{"type": "Point", "at": [{i}.5, {i % 90}.25], "name": "{word(i)}"}}',
        '{"type": "FeatureCollection", "features": [',
        "]}",
        between=",",
    ),
}
