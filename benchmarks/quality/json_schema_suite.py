"""How many schemas and instances of the official JSON Schema test suite the witness generator decides, by keyword.

    python benchmarks/quality/json_schema_suite.py --suite FOLDER [--schemas FOLDER]   # results/json_schema_suite.json

FOLDER of --suite is a checkout of json-schema-org/JSON-Schema-Test-Suite (its required tests of drafts 4 to 2020-12 are
read), that of --schemas an unpacked wheel of check-jsonschema (its vendored schemas). Neither is downloaded here.

For each test, the schema is joined with one that describes the test's instance by structure alone (type, required,
properties, items, sizes, and const for scalars), under two negations, and is given to `witness`: a valid instance is
decided right if the instance itself comes back, an invalid one if the conjunction is proven unsatisfiable. "unsound"
counts proofs against a valid instance, and schemas with a valid instance that are called unsatisfiable. Tests whose
references leave the document are counted apart: nothing is fetched.

For pruning, a random part of each schema's properties is kept, with what the context binds; a valid instance without
what was dropped has to be valid for what is left. Most schemas of the suite have no property that can be dropped, so
that only instances that the pruning changes count. These figures are quick to make and have a record of their own,
which `--projection` makes alone (results/json_schema_projection.json).

No constant of the generator was chosen by these figures. Its treatment of relative identities and of the unevaluated
keywords was written after a first run, so that no part of the suite counts as unseen; random schemas, of which
tests/rag/jsonschema/test_negation.py draws some, are the independent check of soundness.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random

import jsonschema_rs
import numpy as np

from benchmarks.common.record import record
from ctxprune.context.closure import Closure
from ctxprune.errors import CtxpruneError
from ctxprune.rag.jsonschema import JsonSchema, witness
from ctxprune.rag.jsonschema.validator import OutsideError, build_validator

SEED, LIMIT, SECONDS = 0, 4000, 20
DRAFTS = {
    "draft4": "http://json-schema.org/draft-04/schema#",
    "draft6": "http://json-schema.org/draft-06/schema#",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--suite", type=Path, required=True)
    parser.add_argument("--schemas", type=Path)
    parser.add_argument("--draft", choices=DRAFTS, help="one draft; records nothing")
    parser.add_argument("--file", help="one file of the suite, such as `not`; records nothing")
    parser.add_argument("--projection", action="store_true", help="record the figures of pruning alone")
    parser.add_argument("--show", action="store_true", help="print each test that is not decided right")
    words = parser.parse_args()
    if not (words.draft or words.file):
        projections, fingerprint = measure_projections(words.suite, DRAFTS)
        record("json_schema_projection", projections, seed=SEED, data={"JSON-Schema-Test-Suite": fingerprint})
    if words.projection:
        return
    signal.signal(signal.SIGALRM, _stop)
    digest = hashlib.sha256()
    drafts, unread = {}, Counter()
    for draft in [words.draft] if words.draft else DRAFTS:
        files = sorted((words.suite / "tests" / draft).glob(f"{words.file or '*'}.json"))
        drafts[draft] = {}
        for path in files:
            digest.update(path.read_bytes())
            drafts[draft][path.stem] = measure_file(path, draft, unread, words.show)
    data = {"JSON-Schema-Test-Suite": digest.hexdigest()[:16]}
    figures = {"total": total(drafts), "drafts": {name: total({name: found}) for name, found in drafts.items()}}
    figures |= {"keywords": by_keyword(drafts), "not_decided": dict(unread.most_common())}
    if words.schemas:
        figures["schemas"], data["check-jsonschema"] = measure_schemas(words.schemas)
    sys.stderr.write(json.dumps(figures, indent=1) + "\n")
    if not (words.draft or words.file):
        record("json_schema_suite", figures, seed=SEED, data=data)


def measure_file(path: Path, draft: str, unread: Counter, show: bool) -> dict[str, int]:
    """Counts over the tests of one file."""
    counts: Counter = Counter()
    for group in json.loads(path.read_text(encoding="utf-8")):
        schema = group["schema"]
        if isinstance(schema, dict) and "$schema" not in schema:
            schema = {"$schema": DRAFTS[draft], **schema}
        try:
            accepts = build_validator(schema)
        except OutsideError:
            counts["remote"] += len(group["tests"])
            continue
        measure_schema(schema, group["tests"], counts)
        for test in group["tests"]:
            name, beyond = decide(join(schema, draft, test["data"]), test["data"], test["valid"])
            counts[name] += 1
            counts["validator_disagrees"] += accepts(test["data"]) is not test["valid"]
            if name.endswith("unknown"):
                unread.update({place.rpartition(": ")[2] for place in beyond} or {"(a limit)"})
            if show and not name.endswith("right"):
                sys.stderr.write(f"{path.stem}: {group['description']}: {test['description']}: {name} {beyond}\n")
    return dict(counts)


def measure_schema(schema, tests, counts) -> None:
    """Whether a schema that has a valid instance is given one."""
    verdict = run(schema).verdict
    has_valid = any(test["valid"] for test in tests)
    counts["schemas"] += 1
    counts[f"schemas_{verdict}"] += 1
    counts["schemas_unsound"] += has_valid and verdict == "unsatisfiable"


def decide(schema, instance, valid) -> tuple[str, tuple[str, ...]]:
    """The outcome of one test, and the keywords that were not decided."""
    found = run(schema)
    noun = "valid" if valid else "invalid"
    if found.verdict == "unknown":
        return f"{noun}_unknown", found.beyond
    same = found.verdict == "satisfiable" and equal(found.instances[0], instance)
    right = same if valid else found.verdict == "unsatisfiable"
    return f"{noun}_{'right' if right else 'unsound' if found.verdict == 'unsatisfiable' else 'wrong'}", found.beyond


def run(schema):
    """`witness` within seconds: one that takes longer counts as unknown."""
    signal.alarm(SECONDS)
    try:
        return witness(schema, seed=SEED, limit=LIMIT)
    except TimeoutError:
        sys.stderr.write("over the time\n")
        return witness({"$ref": "urn:a"})
    finally:
        signal.alarm(0)


def _stop(*_) -> None:
    raise TimeoutError


def join(schema, draft: str, instance):
    """`schema` and a description of `instance`, under two negations, so that it marks nothing as evaluated.

    The schema is a resource of its own inside the conjunction, so that "#" in it is still its root.
    """
    shape = {"not": {"not": describe(instance, draft)}}
    if isinstance(schema, bool):
        return {"$schema": DRAFTS[draft], "allOf": [schema, shape]}
    if "$ref" in schema and draft in ("draft4", "draft6", "draft7"):  # it hides its neighbours, a name among them
        return {word: value for word, value in schema.items() if word != "$ref"} | {
            "allOf": [{"$ref": schema["$ref"]}, shape]
        }
    word = "id" if draft == "draft4" else "$id"
    inner = {word: "urn:example:suite", **{key: value for key, value in schema.items() if key != "$schema"}}
    definitions = "definitions" if draft in ("draft4", "draft6", "draft7") else "$defs"
    named = {"$schema": schema["$schema"], definitions: {"suite": inner}}
    return named | {"allOf": [{"$ref": inner[word]}, shape]}


def describe(value, draft: str):
    """A schema of one value, with const (enum in draft 4) for scalars alone."""
    if isinstance(value, dict):
        inner = {name: describe(part, draft) for name, part in value.items()}
        size = {"minProperties": len(value), "maxProperties": len(value)}
        required = {"required": list(value)} if value else {}
        return {"type": "object", "properties": inner, **required, **size}
    if isinstance(value, list):
        items = [describe(part, draft) for part in value]
        word = "prefixItems" if draft == "draft2020-12" else "items"
        return {"type": "array", "minItems": len(value), "maxItems": len(value), **({word: items} if items else {})}
    return {"enum": [value]} if draft == "draft4" else {"const": value}


def equal(one, other) -> bool:
    return jsonschema_rs.is_valid({"const": other}, one)


def measure_projections(suite: Path, drafts) -> tuple[dict[str, int], str]:
    """How many valid instances lose something by pruning, how many of these stay valid; the digest of the files."""
    counts, digest = Counter(), hashlib.sha256()
    for draft in drafts:
        for path in sorted((suite / "tests" / draft).glob("*.json")):
            digest.update(path.read_bytes())
            for group in json.loads(path.read_text(encoding="utf-8")):
                random, schema = Random(SEED), group["schema"]
                valid = [test["data"] for test in group["tests"] if test["valid"]]
                if isinstance(schema, dict):
                    schema = {"$schema": DRAFTS[draft], **schema}
                    for instance in valid:
                        project(schema, instance, random, counts)
    return dict(counts), digest.hexdigest()[:16]


def project(schema, instance, random: Random, counts: Counter) -> None:
    """Whether an instance without the properties that were dropped is valid for what is left of the schema."""
    try:
        accepts_all = build_validator(schema)
    except OutsideError:
        return
    context = JsonSchema(schema)
    closure = Closure(context.units)
    kept = np.zeros(len(context.units), dtype=np.bool_)
    for index in [*closure.pinned, *(i for i in range(len(kept)) if random.random() < 0.3)]:
        kept[closure.missing(index, kept)] = True
    chosen = [int(index) for index in np.flatnonzero(kept)]
    left = context.project(instance, chosen)
    counts["valid"] += 1
    counts["without_units"] += not len(kept)
    counts["dropped"] += len(chosen) < len(kept)
    if not equal(left, instance):
        counts["changed"] += 1
        counts["changed_right"] += build_validator(context.render(chosen))(left) or not accepts_all(instance)


def total(drafts) -> dict[str, float]:
    """Sums over all files, and shares in percent."""
    counts: Counter = Counter()
    for files in drafts.values():
        for found in files.values():
            counts.update(found)
    return shares(counts)


def by_keyword(drafts) -> dict[str, dict[str, float]]:
    """Sums over the drafts for each file, which has the name of what it tests."""
    names = sorted({name for files in drafts.values() for name in files})
    made = {}
    for name in names:
        counts: Counter = Counter()
        for files in drafts.values():
            counts.update(files.get(name, {}))
        made[name] = shares(counts)
    return made


def shares(counts: Counter) -> dict[str, float]:
    made: dict[str, float] = {word: counts[word] for word in sorted(counts) if counts[word]}
    for noun in ("valid", "invalid"):
        known = sum(counts[f"{noun}_{word}"] for word in ("right", "unsound", "wrong", "unknown"))
        if known:
            made[f"{noun}_right_percent"] = round(100 * counts[f"{noun}_right"] / known, 2)
    return made


def measure_schemas(folder: Path):
    """Verdict and seconds for each vendored schema; all of them describe files that people have."""
    digest, made = hashlib.sha256(), {}
    for path in sorted(folder.rglob("builtin_schemas/vendor/*.json")):
        text = path.read_text(encoding="utf-8")
        digest.update(text.encode())
        start = time.process_time()
        try:
            found = run(text)
            row = {"verdict": found.verdict, "reason": found.reason, "beyond": len(found.beyond)}
        except CtxpruneError as error:
            row = {"verdict": "error", "reason": str(error)}
        made[path.stem] = row | {"seconds": round(time.process_time() - start, 2)}
    return made, digest.hexdigest()[:16]


if __name__ == "__main__":
    main()
