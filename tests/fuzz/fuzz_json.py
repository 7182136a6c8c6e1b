"""JSON schemas, tool definitions and witnesses on ten thousand made inputs each.

    python tests/fuzz/fuzz_json.py [--count N] [--kind schemas|tools|witness]

Writes benchmarks/results/fuzz_json.json. Schemas: every keyword with values of the right and of any wrong type, true
and false, references to themselves, in circles, to nowhere and to URLs, 5,000 properties, long lists of values, up to
100,000 levels; half of them without what binds members; as values and as texts, these also cut, doubled and with odd
characters. What is kept must render to the same type, with the kept properties and none that was dropped, and keep the
definitions that it refers to. Tools: such schemas in five shapes, with odd names, descriptions and calls. Witness:
every instance is valid, and what is called unsatisfiable has no instance that random values hit. No network: sockets
raise. Two seconds each.
"""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager

import jsonschema_rs
from fuzz_runner import ODD, main, mutated, refusable

from ctxprune.rag import JsonSchema, ToolOptions, Tools
from ctxprune.rag.jsonschema import witness

NAMES = ("id", "name", "userName", "tags", "$ref", "properties", "required", "a/b", "c~d", "", "é", "日本")
REFERENCES = (
    "#", "#/$defs/A", "#/$defs/B", "#/definitions/A", "#/$defs/none", "#/properties/id",
    "#/properties/id/properties/id", "#anchor", "item.json", "item.json#/properties/id", "https://example.com/s.json", "file:///etc/passwd",
    "#/%24defs/A", "//host/share", "#/allOf/0", "#/a~1b", "", "#/" + "x/" * 500,
)  # fmt: skip
DRAFTS = (
    "http://json-schema.org/draft-04/schema#", "http://json-schema.org/draft-06/schema#",
    "http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2020-12/schema",
)  # fmt: skip
KINDS_OF_VALUE = ("object", "array", "string", "integer", "number", "boolean", "null")
PATTERNS = (
    "^a+$",
    "(a+)+$",
    "[",
    "^x-",
    "(?=a)b",
    "a{1000}",
    "((a{99}){99}){99}",
    "^[^@]+@[a-z]+$",
    "\\p{L}",
    "\\d{3}",
)


def anything(state, depth=2):
    kind = state.randrange(8)
    if kind < 2 and depth:
        return [anything(state, depth - 1) for _ in range(state.randrange(4))]
    if kind == 2 and depth:
        return {state.choice(NAMES): anything(state, depth - 1) for _ in range(state.randrange(4))}
    odd = (float("nan"), 10**400) if state.random() < 0.0003 else (*NAMES, *(ODD if wrong(state) else ()))
    return state.choice((None, True, False, 0, -1, 1.5, 2**63, "", *odd))


def schema(state, depth=4):
    if not depth or state.random() < 0.1:
        return state.choice((True, False, {}, {"type": state.choice(KINDS_OF_VALUE)}, {"$ref": reference(state)}))
    if state.random() < wrong(state) / 2:
        return anything(state)
    made = {}
    for keyword in state.sample(getattr(state, "words", WORDS if wrong(state) else LOCAL), k=state.randint(1, 6)):
        made[keyword] = (
            anything(state) if state.random() < wrong(state) else KEYWORDS[keyword.strip()](state, depth - 1)
        )
    return made


def reference(state):
    return state.choice(REFERENCES if wrong(state) or state.random() < 0.02 else REFERENCES[:3])


def wrong(state):
    """How often a value is of any type."""
    return getattr(state, "wrong", 0.06)


def by_name(state, depth):
    return {state.choice(NAMES): schema(state, depth) for _ in range(state.randint(0, 5))}


def several(state, depth):
    return [schema(state, depth) for _ in range(state.randint(int(not wrong(state)), 4))]


def names(state, _depth):
    return state.sample(NAMES, k=state.randint(0, 4))


def bound(state, _depth):
    return state.choice((0, 1, 3, -2, 1.5, 10**6, 1e300))


def size(state, _depth):
    return state.choice((0, 1, 2, 3, 2, 10**6))


def data(state, _depth):
    return anything(state, 1)


KEYWORDS = {
    **dict.fromkeys(("properties", "$defs", "definitions", "patternProperties", "dependentSchemas"), by_name),
    **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), several),
    **dict.fromkeys(("items", "additionalProperties", "not", "if", "then", "contains", "propertyNames"), schema),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), bound),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties"), size),
    **dict.fromkeys(("default", "const", "x-note"), data),
    **dict.fromkeys(("title", "description"), lambda state, _: f"{anything(state, 0)} {anything(state, 0)}"),
    "required": names,
    "type": lambda state, _: state.choice((*KINDS_OF_VALUE, ["string", "null"], ["object", "array"])),
    "enum": lambda state, _: [anything(state, 1) for _ in range(state.choice((0, 1, 3, 3, 2000)))],
    "$ref": lambda state, _: reference(state),
    "$id": lambda state, _: state.choice(("item.json", "https://example.com/root.json", "#anchor")),
    "$anchor": lambda _state, _: "anchor",
    "$schema": lambda state, _: state.choice((*DRAFTS, "x")),
    "pattern": lambda state, _: state.choice(PATTERNS),
    "uniqueItems": lambda state, _: state.random() < 0.5,
    "dependentRequired": lambda state, _: {state.choice(NAMES): names(state, 0)},
    "discriminator": lambda state, _: {"propertyName": state.choice(NAMES)},
}  # fmt: skip
# These come up more often than others: without them nothing is there to prune. A blank tells the doubles apart.
OFTEN = ("properties", "$defs", "anyOf", "oneOf", "required", "$ref")
WORDS = (*sorted(KEYWORDS), *(f"{word} " for word in OFTEN))
LOCAL = tuple(word for word in WORDS if word not in ("$id", "$schema"))
# Those that bind no members of the object that they stand in, or a few.
TAME = (
    "properties", "properties ", "$defs", "$ref", "allOf", "anyOf", "items", "additionalProperties", "required", "type",
    "title", "description", "default", "minimum", "pattern", "dependentRequired", "x-note",
)  # fmt: skip


def document(state):
    """A schema as a value; sometimes a large one."""
    kind = state.random()
    if kind < 0.001:
        return {"properties": {f"p{i}": schema(state, 1) for i in range(5_000)}}
    if kind < 0.002:
        return {"properties": {"a": {"enum": [f"value {i}" for i in range(50_000)]}}}
    if kind < 0.003:
        parts = {f"d{i}": {"properties": {name: {"$ref": f"#/$defs/d{i + 1}"} for name in "ab"}} for i in range(300)}
        return {"$ref": "#/$defs/d0", "$defs": parts}
    made = schema(state, 5)
    return tidy(made if isinstance(made, (dict, bool)) else {"properties": {"a": made}})


def tidy(value):
    """Without the blanks that tell doubled keywords apart."""
    if isinstance(value, list):
        return [tidy(part) for part in value]
    return {key.strip(" "): tidy(part) for key, part in value.items()} if isinstance(value, dict) else value


def schema_input(state):
    if state.random() < 0.005:
        depth = state.choice((10, 1000, 100_000))
        return '{"properties":{"a":' * depth + "{}" + "}}" * state.choice((depth, depth - 1, 0))
    if tame := state.random() < 0.5:
        state.words = TAME
    made = document(state)
    if tame and isinstance(made, dict):
        made.setdefault("properties", tidy(by_name(state, 4)))
    if state.random() < 0.5:
        return made
    text = json.dumps(made, indent=state.choice((None, None, 2)), ensure_ascii=state.random() < 0.5)
    return mutated(text, state, 3) if state.random() < 0.4 else text


def check_schema(given):
    with no_network():
        with refusable():
            context = JsonSchema(given, droppable=("optional", "nullable", "all")[len(str(given)[:999]) % 3])
        units = context.units
        everything = context.render(range(len(units)))
        assert type(everything) is type(given)
        kept = closed(units)
        left = context.render(kept)
        assert type(left) is type(given)
        assert context.to_text(kept)
        assert len(context.cost_texts()) == len(units)
        again = JsonSchema(left)
        wanted, found = {context.paths[index] for index in kept}, set(again.paths)
        if "$ref" in json.dumps(everything):  # what is kept of a definition stands in all places that refer to it
            assert last_names(found) <= last_names(wanted)
        else:
            assert found == wanted
        if len(units) < 1000 and not context.notes:
            assert not [note for note in again.notes if "points nowhere" in note], "a definition is lost"
        for instance in ({"id": {"name": 1}, "tags": [1]}, [{"a/b": 2}], None, "x"):
            once = context.project(instance, kept)
            assert context.project(once, kept) == once


def last_names(paths):
    return {path.rpartition(".")[2] for path in paths}


def closed(units):
    """Every third unit and what it needs."""
    kept = set()
    stack = [index for index, unit in enumerate(units) if unit.pinned or index % 3 == 0]
    while stack:
        index = stack.pop()
        if index not in kept:
            kept.add(index)
            parent = units[index].parent
            stack += [*units[index].requires, *([] if parent is None else [parent])]
    return kept


def tools_input(state):
    tools = [tool(state) for _ in range(state.choice((0, 1, 3, 10)))]
    shape = state.randrange(6)
    given = {"tools": tools} if shape == 0 else {"result": {"tools": tools}, "id": 1} if shape == 1 else tools
    if shape > 3:
        given = json.dumps(given)
        return (mutated(given, state, 3) if shape == 5 else given), call(state)
    return given, call(state)


def tool(state):
    if state.random() < 0.05:
        return anything(state)
    inner = {
        "name": state.choice((*NAMES, 5)),
        "description": state.choice(("Does it. Then more. And so on.", "", None, *ODD)),
    }
    inner[state.choice(("parameters", "input_schema", "inputSchema"))] = document(state)
    for key in ("name", "description"):
        if state.random() < 0.05:
            del inner[key]
    return {"type": "function", "function": inner} if state.random() < 0.4 else inner


def call(state):
    name = state.choice(NAMES)
    return state.choice((name, {"name": name, "args": anything(state)}, {"function": {"name": name, "arguments": "{"}}))


def check_tools(given):
    source, used = given
    with no_network():
        with refusable():
            context = Tools(source, used=[used], options=ToolOptions(parameters=True, sentences=True, values=2))
        units = context.units
        assert len(units) == len(context.sources) == len(context.names) == len(context.cost_texts())
        kept = closed(units)
        left = context.render(kept)
        assert type(left) is type(source)
        context.to_text(kept)
        Tools(left)
        whole = Tools(source)
        assert whole.render(range(len(whole.units))) == source or isinstance(source, (str, tuple))


def check_witness(given):
    with no_network():
        with refusable():
            found = witness(given, count=3, limit=3000)
        accepts = None
        if found.verdict != "unknown":
            accepts = jsonschema_rs.validator_for(json.loads(given) if isinstance(given, str) else given).is_valid
        assert all(map(accepts, found.instances)) if found.instances else found.verdict != "satisfiable"
        if found.verdict == "unsatisfiable":
            tried = (None, True, 0, 1, -2, 1.5, 10**6, "", "a", "aa", [], [0], ["a", 1], {}, {"id": 1}, {"name": "a"})
            assert not any(map(accepts, tried)), "a schema with an instance is called unsatisfiable"


@contextmanager
def no_network():
    before = socket.socket.connect

    def refuse(*_):
        raise AssertionError("something was fetched")

    socket.socket.connect = refuse
    try:
        yield
    finally:
        socket.socket.connect = before


def well_typed(state):
    """A schema of any draft whose keywords have values of the right types, and whose references lead to something,
    mostly."""
    state.wrong = 0
    made = document(state)
    if not isinstance(made, dict):
        return made
    for part in ("$defs", "definitions"):
        made[part] = {"A": tidy(schema(state, 2)), "B": tidy(schema(state, 2))}
    draft = state.choice((None, *DRAFTS))
    return made if draft is None else {"$schema": draft, **of_draft(draft, made, state)}


def of_draft(draft, value, state):
    """What the draft of a schema says in its own way, put so: lists of items, bounds that are excluded."""
    if isinstance(value, list):
        return [of_draft(draft, part, state) for part in value]
    if not isinstance(value, dict):
        return value if draft != DRAFTS[0] or not isinstance(value, bool) else {}
    plain = {key: value[key] for key in ("uniqueItems", "additionalProperties") if isinstance(value.get(key), bool)}
    made = {key: of_draft(draft, part, state) for key, part in value.items()} | plain
    if draft != DRAFTS[-1] and "prefixItems" in made and state.random() < 0.5:
        made["items"] = made.pop("prefixItems")
    if draft == DRAFTS[0]:
        for bound in ("minimum", "maximum"):
            if (word := f"exclusive{bound.title()}") in made:
                made |= {bound: made[word], word: state.random() < 0.5}
    return made


KINDS = {
    "schemas": (schema_input, check_schema),
    "tools": (tools_input, check_tools),
    "witness": (well_typed, check_witness),
}


if __name__ == "__main__":
    main("fuzz_json", KINDS, description=__doc__)
