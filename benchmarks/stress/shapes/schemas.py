"""JSON schemas and tools."""

# ruff: noqa: E501  # what is made reads best on one line

from __future__ import annotations

from typing import TYPE_CHECKING

from .making import fixed, made, nest, number, sentence, word

if TYPE_CHECKING:
    from collections.abc import Callable

    from .making import Shape

__all__ = ["SCHEMA", "TOOLS"]


def _properties(make: Callable[[int], str], before: str = "", after: str = "") -> Shape:
    return made(
        lambda i: f'"{word(i)}": {make(i)}',
        f'{{"type": "object", "properties": {{{before}',
        f"{after}}}}}",
        between=",",
    )


def _definitions(make: Callable[[int], str], uses: str) -> Shape:
    return made(lambda i: f'"d{i}": {make(i)}', f'{{"properties": {uses}, "$defs": {{', "}}", between=",")


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
    "allOf": made(lambda i: f'{{"properties": {{"{word(i)}": {_TEXTS}}}}}', '{"allOf": [', "]}", between=","),
    "allOf of one property": made(
        lambda i: f'{{"properties": {{"a": {{"title": "{word(i)}"}}}}}}', '{"allOf": [', "]}", between=","
    ),
    "oneOf": made(
        lambda i: f'{{"properties": {{"kind": {{"const": "{word(i)}"}}, "b{i}": {{}}}}, "required": ["kind"]}}',
        '{"oneOf": [',
        "]}",
        between=",",
    ),
    "oneOf, told by nothing": made(
        lambda _: '{"properties": {"a": {}, "b": {"type": "string"}}}', '{"oneOf": [', "]}", between=","
    ),
    "anyOf": made(
        lambda i: f'{{"properties": {{"{word(i)}": {{}}}}, "required": ["{word(i)}"]}}',
        '{"anyOf": [',
        "]}",
        between=",",
    ),
    "if and then": made(
        lambda i: f'{{"if": {{"properties": {{"a{i}": {{"const": 1}}}}}}, "then": {{"required": ["b{i}"]}}}}',
        '{"properties": {"x": {}}, "allOf": [',
        "]}",
        between=",",
    ),
    "not": _properties(lambda i: f'{{"not": {{"properties": {{"a{i}": {{}}}}}}}}'),
    "enumerations": _properties(lambda i: '{"enum": [' + ",".join(f'"{word(i + j)}"' for j in range(20)) + "]}"),
    "one enumeration": made(lambda i: f'"{word(i)}"', '{"properties": {"a": {"enum": [', ']}, "b": {}}}', between=","),
    "patterns": _properties(lambda i: f'{{"pattern": "^(a|b{i})*$"}}'),
    "patternProperties": made(
        lambda i: f'"^{word(i)}": {_TEXTS}', '{"patternProperties": {', '}, "properties": {"a": {}}}', between=","
    ),
    "dependentSchemas": made(
        lambda i: f'"{word(i)}": {{"properties": {{"b{i}": {{}}}}}}',
        '{"properties": {"a": {}}, "dependentSchemas": {',
        "}}",
        between=",",
    ),
    "one description": made(lambda i: f"{word(i)} ", '{"properties": {"a": {"description": "', '"}, "b": {}}}'),
    "indented": made(
        lambda i: f'    "{word(i)}": {{\n      "type": "string"\n    }}',
        '{\n  "properties": {\n',
        "\n  }\n}",
        between=",\n",
    ),
}


def _tool(name: str, properties: str, described: str = "") -> str:
    return f'{{"name": "{name}", "description": "{described}", "input_schema": {{"type": "object", "properties": {{{properties}}}}}}}'


def _tools(make: Callable[[int], str], before: str = "[", after: str = "]") -> Shape:
    return made(make, before, after, between=", ")


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
    "empty tools": fixed('{"name": "a"},', "[", '{"name": "b"}]'),
    **{f"one tool: {name}": _one_tool(SCHEMA[name]) for name in (
        "of itself", "of itself, and more", "items of itself", "any of itself", "of one definition",
        "of one definition that is of it", "of a definition each", "of each other", "a chain of definitions",
        "layers of definitions", "layers of allOf", "unused definitions", "anchors", "allOf", "oneOf", "anyOf",
        "if and then", "not", "patternProperties", "one enumeration",
    )},
}  # fmt: skip
