"""Which keywords of a schema the engines for constrained decoding have in common, and which it has beyond them.

Geng et al., Generating Structured Outputs from Language Models: Benchmark and Studies, arXiv 2501.10868 (2025), find
that engines differ in the keywords that they enforce: some refuse a schema with others, some ignore them.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError

from .graph import Graph
from .json_values import copy_json, escape_pointer, read_json
from .literals import ANNOTATIONS
from .references import References
from .tool_shapes import read_tool, read_tool_list

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .graph import Node
    from .literals import Subschema

__all__ = ["Compliance", "check_compliance"]

_CORE = frozenset(
    {"$ref", "anyOf", "const", "enum", "items", "maxItems", "maximum", "minItems", "minimum", "pattern", "properties",
     "required", "type"}
)  # fmt: skip
# Escaped characters and sets of characters are passed over, so that what looks like look-around in them is none.
_PATTERN_PARTS = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|(\(\?<?[=!])", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Compliance:
    """What constrained decoding can be expected to enforce of a schema, or of tools.

    Attributes:
        covered: How often each keyword of the common core stands in it.
        beyond: What else is asked, "POINTER: keyword"; "TOOL: POINTER: keyword" of tools. Annotations, such as title
            and description, ask nothing.
    """

    covered: dict[str, int]
    beyond: tuple[str, ...] = ()

    @property
    def is_covered(self) -> bool:
        """Whether nothing is beyond the common core."""
        return not self.beyond

    def to_dict(self) -> dict[str, Any]:
        """As a JSON value."""
        return {"is_covered": self.is_covered, "covered": self.covered, "beyond": list(self.beyond)}


def check_compliance(source: Any) -> Compliance:
    """Which keywords of a schema or of tools are in the common core of constrained decoding, and which are not.

    The core: type, properties, required, enum, const, items (one schema), minItems, maxItems, minimum, maximum, pattern
    without look-around, anyOf, and $ref inside the document. A subschema `false`, and a $ref to it or to nothing, are
    beyond it: engines refuse or ignore them. Definitions that nothing refers to are not read. An empty
    schema has no keywords.

    Args:
        source: A schema (a dict, true, false, or their JSON text), or tools as for `Tools`: a list, or a dict with
            "tools". Pruned ones are what `prune(...).output` holds.

    Raises:
        InputError: A text that is no JSON, nesting over 200 levels, or over 50,000 subschemas.
        UsageError: `source` is of another type.

    Examples:
        ```python
        from ctxprune.rag import Compliance, check_compliance

        found: Compliance = check_compliance(
            {"type": "object", "patternProperties": {"^x": {"type": "string"}}}
        )
        print(found.is_covered, found.beyond)  # False ('/: patternProperties',)
        ```
    """
    value = read_json(source)[0] if isinstance(source, str) else source
    covered: Counter[str] = Counter()
    beyond: list[str] = []
    if isinstance(value, bool):
        return Compliance({}, () if value else ("/: false",))
    if _is_tools(value):
        for form in map(read_tool, read_tool_list(value).tools):
            _read(copy_json(form.schema), covered, beyond, f"{form.name}: ")
    elif isinstance(value, dict):
        _read(copy_json(value), covered, beyond, "")
    else:
        raise UsageError(f"the schema is a {type(value).__name__}", hint="give a dict, a JSON text or a list of tools")
    return Compliance(dict(sorted(covered.items())), tuple(beyond))


def _is_tools(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return True
    # A JSON schema may have a keyword by any name, but none whose value is a list of tools.
    found = value.get("result", value) if isinstance(value, dict) else None
    return isinstance(found, dict) and isinstance(found.get("tools"), (list, tuple))


def _read(schema: dict[str, Any], covered: Counter[str], beyond: list[str], prefix: str) -> None:
    graph = Graph(schema)
    references = References(schema)
    for node in graph.nodes:
        for keyword in node.schema:
            if keyword in ANNOTATIONS:
                continue
            problem = _find_problem(keyword, node, references)
            covered[keyword] += problem is None
            if problem is not None:
                beyond.append(f"{prefix}{node.pointer or '/'}: {problem}")
        beyond += [f"{prefix}{node.pointer}/{place}: false" for place in _false_parts(node.schema)]
    for keyword in [word for word, count in covered.items() if not count]:
        del covered[keyword]


def _find_problem(keyword: str, node: Node, references: References) -> str | None:
    """Why a keyword is beyond the core, beginning with its name; None where it is in the core."""
    value = node.schema[keyword]
    if keyword not in _CORE:
        return keyword
    if keyword == "items" and isinstance(value, list):
        return "items (a list)"
    if keyword == "$ref":
        return _find_reference_problem(
            value, references.resolve(references.find_part(node.schema, node.pointer), "$ref")
        )
    if keyword == "pattern" and any(part.group(1) for part in _PATTERN_PARTS.finditer(str(value))):
        return "pattern (look-around)"
    return None


def _find_reference_problem(value: Any, target: Subschema | None) -> str | None:
    if not str(value).startswith("#"):
        return "$ref (outside the document)"
    if target is None or not isinstance(target.schema, (dict, bool)):
        return "$ref (to nothing)"
    return "$ref (to false)" if target.schema is False else None


def _false_parts(schema: dict[str, Any]) -> Iterator[str]:
    """The places of subschemas that allow nothing, but for additionalProperties, which is named by itself."""
    properties = schema.get("properties")
    for name, part in properties.items() if isinstance(properties, dict) else ():
        if part is False:
            yield f"properties/{escape_pointer(name)}"
    if schema.get("items") is False:
        yield "items"
    branches = schema.get("anyOf")
    for index, part in enumerate(branches if isinstance(branches, list) else ()):
        if part is False:
            yield f"anyOf/{index}"
