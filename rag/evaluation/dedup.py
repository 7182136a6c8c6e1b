"""Near-duplicates that are planted among real texts: how many are found, and what is merged that should not be."""

from __future__ import annotations

import random
import resource
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError
from ctxprune.storage.sealed import parse_json
from ctxprune.text.words import words

from ..dedup.texts import deduplicate
from ..passages.passages import sentence_spans

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


__all__ = ["Planted", "Shingles", "measure", "plant", "read_texts", "true_merges"]

_WORDS = (60, 160)  # of a passage
_WIDTH = 3
_UNLIKE = 0.4  # the texts among which copies are planted are less alike than this
_CONTAINMENT = 0.9

Shingles = frozenset[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Planted:
    """A copy that was planted.

    Attributes:
        kind: How it was changed.
        source: Place of the text that it is of.
        copy: Its own place.
        similarity: Their true Jaccard similarity; for "part" the share of the copy that is in the source.
    """

    kind: str
    source: int
    copy: int
    similarity: float


def read_texts(data: Path, *, pages: bool = False) -> list[str]:
    """The texts of a folder or a file: `*.jsonl` with a field "text", `*.md`, `*.rst`, `*.txt`, by name.

    Args:
        data: The folder or the file.
        pages: Whole texts; else passages, paragraphs joined to 60 words or more and cut at 160.

    Raises:
        InputError: There is nothing to read, or a file is not of its form.
    """
    files = sorted(path for path in data.rglob("*") if path.is_file()) if data.is_dir() else [data]
    texts = [text for path in files for text in _file_texts(path)]
    if not pages:
        texts = [passage for text in texts for passage in _passages(text)]
    if not texts:
        raise InputError("there are no texts", where=data.name, hint="give files such as *.txt, *.md or *.jsonl")
    return texts


def plant(texts: Sequence[str], *, seed: int = 0) -> tuple[list[str], list[Planted]]:
    """The texts that are unlike each other, with a changed copy of every second one somewhere among them.

    Kinds in turn: "exact"; "case", other case, spaces and punctuation; "words", some replaced, left out or added;
    "moved", one sentence elsewhere; "framed", boilerplate around it; "numbers", the same text with so many other
    numbers that the similarity is about 0.7, which is no copy; "part", half of it.
    """
    state = random.Random(seed)
    sets = [_shingles(text) for text in texts]
    gone = true_merges(sets, _UNLIKE)
    base = [index for index, found in enumerate(sets) if found and index not in gone]
    copied = sorted(state.sample(base, len(base) // 2))
    kinds = list(_CHANGES)
    entries: list[tuple[int, str, str]] = [(index, "", texts[index]) for index in base]
    for number, index in enumerate(copied):
        kind = kinds[number % len(kinds)]
        entries.append((index, kind, _CHANGES[kind](texts[index], state)))
    state.shuffle(entries)
    places = {index: place for place, (index, kind, _) in enumerate(entries) if not kind}
    planted = [
        Planted(kind, places[index], place, _likeness(kind, sets[index], _shingles(text)))
        for place, (index, kind, text) in enumerate(entries)
        if kind
    ]
    return [text for _, _, text in entries], planted


def measure(texts: Sequence[str], *, similarity: float = 0.8, seed: int = 0) -> dict[str, Any]:
    """Plant copies, look for them, and compare with what is true; counts, percentages, texts a second, megabytes.

    What is true is worked out without hashing and without filters, from the sets of words themselves.
    """
    everything, planted = plant(texts, seed=seed)
    sets = [_shingles(text) for text in everything]
    start = perf_counter()
    found = deduplicate(everything, similarity=similarity)
    seconds = perf_counter() - start
    wide = deduplicate(everything, similarity=similarity, containment=_CONTAINMENT)
    true = true_merges(sets, similarity)
    gone = {merge.index for merge in found.merges}
    near = [one for one in planted if one.kind != "part"]
    due = [one for one in near if one.similarity >= similarity]
    below = [one for one in near if one.similarity < similarity]
    parts = [one for one in planted if one.kind == "part"]
    wide_gone = {merge.index for merge in wide.merges}
    false = sum(not _is_true(merge.index, merge.into, sets, similarity, None) for merge in found.merges)
    false_wide = sum(not _is_true(merge.index, merge.into, sets, similarity, _CONTAINMENT) for merge in wide.merges)
    return {
        "texts": len(everything),
        "similarity": similarity,
        "planted": len(due),
        "found_percent": _percent(due, gone),
        "by_kind": {
            kind: _figures([one for one in due if one.kind == kind], gone) for kind in _CHANGES if kind != "part"
        },
        "near_misses": _figures(below, gone),
        "merges": len(found.merges),
        "missed": len(true.keys() - gone),
        "false_merges": false,
        "false_merges_percent": round(100 * false / max(len(found.merges), 1), 3),
        "parts": _figures(parts, wide_gone) | {"containment": _CONTAINMENT, "false_merges": false_wide},
        "texts_per_second": round(len(everything) / seconds),
        "peak_megabytes": round(
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 10 if sys.platform != "darwin" else 1 << 20)
        ),
    }


def true_merges(sets: Sequence[Shingles], similarity: float) -> dict[int, int]:
    """For each set that is like an earlier one that stays the first such: by counting common elements of all pairs."""
    holders: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    merges: dict[int, int] = {}
    for index, found in enumerate(sets):
        common = Counter(other for element in found for other in holders.get(element, ()))
        like = [
            other
            for other, count in common.items()
            if count >= similarity * (len(found) + len(sets[other]) - count) - 1e-9
        ]
        if like:
            merges[index] = min(like)
            continue
        for element in found:
            holders[element].append(index)
    return merges


def _is_true(index: int, into: int, sets: Sequence[Shingles], similarity: float, containment: float | None) -> bool:
    one, other = sets[index], sets[into]
    common = len(one & other)
    if common >= similarity * len(one | other) - 1e-9:
        return True
    return containment is not None and common >= containment * len(one) - 1e-9


def _figures(planted: Sequence[Planted], gone: set[int]) -> dict[str, Any]:
    values = [one.similarity for one in planted]
    return {
        "pairs": len(planted),
        "least": round(min(values, default=0), 3),
        "most": round(max(values, default=0), 3),
        "merged_percent": _percent(planted, gone),
    }


def _percent(planted: Sequence[Planted], gone: set[int]) -> float | None:
    """Of how many pairs one is gone."""
    if not planted:
        return None
    return round(100 * sum(one.copy in gone or one.source in gone for one in planted) / len(planted), 3)


def _likeness(kind: str, source: Shingles, copy: Shingles) -> float:
    common = len(source & copy)
    return common / max(len(copy), 1) if kind == "part" else common / max(len(source | copy), 1)


def _shingles(text: str) -> Shingles:
    found = words(text)
    if not found:
        return frozenset()
    return frozenset(tuple(found[i : i + _WIDTH]) for i in range(max(len(found) - _WIDTH, 0) + 1))


def _file_texts(path: Path) -> list[str]:
    try:
        if path.suffix == ".jsonl":
            return [
                str(parse_json(line)["text"]) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()
            ]
        return [path.read_text(encoding="utf-8")] if path.suffix in (".md", ".rst", ".txt") else []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"the file cannot be read ({type(error).__name__})", where=path.name) from error


def _passages(text: str) -> Iterator[str]:
    """Paragraphs in a row, with 60 to 160 words together; what is left over at the end is too short and goes."""
    least, most = _WORDS
    held: list[str] = []
    for paragraph in text.split("\n\n"):
        held += paragraph.split()
        while len(held) >= least:
            yield " ".join(held[:most])
            held = held[most:]


def _case(text: str, state: random.Random) -> str:
    parts = [state.choice((str.upper, str.lower, str))(word) for word in text.split()]
    return state.choice(("  ", "\n", " \t")).join(parts).replace(".", state.choice((" .", "!", "")))


def _words(text: str, state: random.Random) -> str:
    parts = text.split()
    for _ in range(state.randint(1, max(len(parts) // 30, 1))):
        place = state.randrange(len(parts))
        new = state.choice(([], ["instead"], [parts[place], "indeed"], ["such", "things"]))
        parts[place : place + 1] = new
    return " ".join(parts)


def _moved(text: str, state: random.Random) -> str:
    sentences = [text[start:end] for start, end in sentence_spans(text)]
    moved = sentences.pop(state.randrange(len(sentences)))
    sentences.insert(state.randint(0, len(sentences)), moved)
    return " ".join(sentences)


def _framed(text: str, state: random.Random) -> str:
    return state.choice((f"Home / Docs\n{text}", f"{text}\nShare this page", f"Menu\n{text}\nAll rights reserved"))


def _numbers(text: str, state: random.Random) -> str:
    """Every so many words another number: of n words r leave (n - 3r) / (n + 3r) of the shingles alike."""
    parts = text.split()
    count = max(round(len(parts) * 0.3 / (3 * 1.7)), 1)
    step = len(parts) / count
    for number in range(count):
        parts[int((number + 0.5) * step)] = str(state.randrange(10**6))
    return " ".join(parts)


def _part(text: str, state: random.Random) -> str:
    parts = text.split()
    size = max(len(parts) // 2, 1)
    start = state.randint(0, len(parts) - size)
    return " ".join(parts[start : start + size])


_CHANGES: dict[str, Callable[[str, random.Random], str]] = {
    "exact": lambda text, _state: text,
    "case": _case,
    "words": _words,
    "moved": _moved,
    "framed": _framed,
    "numbers": _numbers,
    "part": _part,
}
