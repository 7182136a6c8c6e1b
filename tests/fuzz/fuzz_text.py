"""JSON documents, logs and near-duplicates on ten thousand made inputs each.

    python tests/fuzz/fuzz_text.py [--kind json|logs|dedup] [--count N]

Writes benchmarks/results/fuzz_text.json; with --count or --kind nothing. Two seconds each.

JSON: values of any shape and depth (up to 100,000 levels), then cut, doubled, shuffled and with odd characters. What
Python's `json` reads must be read, and what is kept must come out as JSON with the kept leaves and no others, spans
exact, within the budget; with columns of objects dropped it must be JSON, too.
Logs: lines of several forms, stack traces, lines of up to 200,000 characters. Kept records come out whole, in order.
Near-duplicates: few or many texts, alike, empty, long, odd. The same as a comparison of all pairs.
Last, a few single lines of 50 MB, which may take longer: seconds are recorded.
"""

from __future__ import annotations

import json
import re
import time
from contextlib import nullcontext

from fuzz_runner import ODD, main, mutated, refusable

from ctxprune import TokenBudget, as_counter, prune
from ctxprune.errors import BudgetError
from ctxprune.rag import JsonDocument, Log, deduplicate
from ctxprune.rag.evaluation.dedup import find_true_merges
from ctxprune.text.words import words

WORDS = (
    "alpha", "Beta", "gamma-ray", "user_id", "2024-01-02", "10.5", "ERROR", "/var/log", "x=1", "é", "日本", "the", "of",
)  # fmt: skip
TOKENS = re.compile(
    r'"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[^\s\[\]{},:"\ufeff]+', re.DOTALL
)  # keys with their colon, scalars


def json_text(state):
    if state.random() < 0.02:
        depth = state.choice((10, 1000, 100_000))
        opening, closing = state.choice((("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")))
        return opening * depth + "1" + closing * state.choice((depth, depth - 1, 0))
    kind = state.randrange(10)
    if kind == 0:
        return "\n".join(json.dumps(value(state, 2)) for _ in range(state.randint(1, 30)))
    text = json.dumps(value(state, 4), indent=state.choice((None, None, 1)), ensure_ascii=state.random() < 0.5)
    return mutated(text, state) if kind > 4 else text


def value(state, depth):
    kind = state.randrange(8 if depth else 4)
    if kind == 0:
        return state.choice((None, True, False, float("nan"), float("-inf"), 1.5, -0.0, 10**40, state.randrange(10**6)))
    if kind < 4:
        return "".join(state.choices(ODD, k=state.randint(0, 3))) + " ".join(
            state.choices(WORDS, k=state.randint(0, 5))
        )
    if kind == 4:
        keys = state.sample(WORDS, k=state.randint(1, 5))
        return [{key: value(state, 0) for key in keys} for _ in range(state.randint(0, 20))]
    if kind == 5:
        return [state.randrange(100) for _ in range(state.choice((0, 3, 2500)))]
    if kind == 6:
        return [value(state, depth - 1) for _ in range(state.randint(0, 6))]
    return {state.choice(WORDS) * state.randint(0, 2): value(state, depth - 1) for _ in range(state.randint(0, 6))}


def check_json(text):
    try:
        json.loads(text)
        reading = nullcontext()  # what Python reads must be read
    except (ValueError, RecursionError):
        reading = refusable()
    with reading:
        document = JsonDocument(text)
    units = document.units
    assert document.render(range(len(units))) == text
    kept = {index for index, unit in enumerate(units) if unit.pinned or index % 3 == 0}
    left = document.render(kept)
    again = JsonDocument(left) if left.strip() else None
    if len(text) < 20_000 and again is not None:
        sources = [text[slice(*units[index].span)] for index in sorted(kept)]
        assert leaves(left) == [leaf for source in sources for leaf in leaves(source)], "other leaves than were kept"
    document.render(set())
    columns = JsonDocument(text, columns=True)
    JsonDocument(columns.render({index for index in range(len(columns.units)) if index % 2}) or "0")
    if len(text) < 20_000:
        check_budget(document)


def check_budget(document):
    try:
        found = prune("alpha of Beta?", document, scorer="lexical.v1", policy=TokenBudget(60))
    except BudgetError:
        return
    assert as_counter().count(found.output) <= 60
    assert not found.output.strip() or JsonDocument(found.output)


def leaves(text):
    """The scalars of a text that is JSON, a part of it or lines of it, as they are written."""
    return [match[0] for match in TOKENS.finditer(text) if not match[1]]


def log_text(state):
    forms = [" ".join(state.choices(WORDS, k=state.randint(1, 8))) for _ in range(state.randint(1, 5))]
    lines = []
    for _ in range(state.choice((0, 3, 40, 400))):
        stamp = state.choice(
            ("", f"2026-01-02 10:{state.randrange(60):02}:00 INFO ", f"Jan  2 10:00:{state.randrange(60):02} host ")
        )
        lines.append(stamp + state.choice(forms) + f" {state.randrange(10**4)}")
        if state.random() < 0.1:
            lines += ["Traceback (most recent call last):", '  File "x.py", line 3', "ValueError: x", ""]
    if state.random() < 0.05:
        lines.insert(state.randint(0, len(lines)), state.choice((*ODD, *WORDS)) * (200_000 // 4))
    return mutated("\n".join(lines), state, 3)


def check_log(text):
    log = Log(text, notes=False)
    assert log.render(range(len(log.units))) == text
    assert all(text[slice(*unit.span)] == unit.text for unit in log.units)
    assert [line for unit in log.units for line in solid(unit.text)] == solid(text), "lines are lost"
    kept = range(0, len(log.units), 3)
    if len(log.units) > 1:
        assert solid(log.render(kept)) == [line for index in kept for line in solid(log.units[index].text)]
    Log(text).render(kept)


def solid(text):
    return [line.rstrip() for line in text.split("\n") if line.strip()]


def some_texts(state):
    pool = [*WORDS, *ODD, *(f"w{number}" for number in range(state.choice((3, 60))))]
    texts = [
        " ".join(state.choices(pool, k=state.choice((0, 1, 2, 5, 40)))) for _ in range(state.choice((0, 1, 5, 40)))
    ]
    texts += [mutated(state.choice(texts), state, 2) for _ in range(len(texts))]
    if texts and state.random() < 0.02:
        texts += [state.choice(texts) * 2000, "a" * 300_000, "x y " * 50_000]
    state.shuffle(texts)
    return texts


def check_dedup(texts):
    found = deduplicate(texts, similarity=0.7)
    sets = [shingles(text) for text in texts]
    expected = find_true_merges(sets, 0.7)
    wordless = {}
    for index, text in enumerate(texts):
        if not sets[index] and wordless.setdefault(text, index) != index:
            expected[index] = wordless[text]
    assert {merge.index: merge.into for merge in found.merges} == expected
    wide = deduplicate(texts, similarity=0.7, containment=0.8)
    assert {merge.into for merge in wide.merges} <= set(wide.kept)
    for merge in wide.merges:
        one, other = sets[merge.index], sets[merge.into]
        share = len(one & other) / len(one if merge.kind == "contained" else one | other) if one else 1.0
        assert abs(share - merge.similarity) < 1e-9
        assert share >= (0.8 if merge.kind == "contained" else 0.7) - 1e-9


def shingles(text):
    found = words(text)
    return frozenset(tuple(found[i : i + 3]) for i in range(max(len(found) - 3, 0) + 1)) if found else frozenset()


HUGE = {
    "JSON, one string": (JsonDocument, lambda size: '"' + "ab c" * (size // 4) + '"'),
    "JSON, a list of objects": (
        JsonDocument,
        lambda size: "[" + ", ".join(f'{{"id": {n}, "name": "gamma ray"}}' for n in range(size // 36 + 1)) + "]",
    ),
    "JSON, a list of numbers": (JsonDocument, lambda size: "[" + "12345, " * (size // 7) + "0]"),
    "a log, words": (Log, lambda size: "alpha beta " * (size // 11)),
    "a log, one word": (Log, lambda size: "a" * size),
    "a log, quotes": (Log, lambda size: '" ' * (size // 2)),
    "a text, words": (lambda text: deduplicate([text, text[1:]]), lambda size: "alpha beta " * (size // 11)),
    "a text, one word": (lambda text: deduplicate([text, text[1:]]), lambda size: "a" * size),
}


def huge(read, make, size=50_000_000):
    """Seconds that reading one line takes, and rendering every second unit."""
    text = make(size)
    start = time.process_time()
    found = read(text)
    if hasattr(found, "render"):
        found.render(range(0, len(found.units), 2))
    return {"characters": len(text), "seconds": round(time.process_time() - start, 2)}


def long_lines():
    return {"lines of 50 MB": {name: huge(*case) for name, case in HUGE.items()}}


KINDS = {"json": (json_text, check_json), "logs": (log_text, check_log), "dedup": (some_texts, check_dedup)}


if __name__ == "__main__":
    main("fuzz_text", KINDS, description=__doc__, further=long_lines)
