"""Near-duplicates planted among real texts: how many are found, and how many other texts are merged wrongly."""

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
from ctxprune.utils.percent import percent_or_none

from ..dedup.texts import deduplicate
from ..passages.sentences import sentence_spans
from .report import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


__all__ = ["DedupReport", "Planted", "Shingles", "find_true_merges", "measure", "plant", "read_texts"]

_WORDS = (60, 160)  # fewest and most words of a passage
_WIDTH = 3  # words of a shingle, as in `deduplicate`
_UNLIKE = 0.4  # texts that are more similar than this to an earlier one are left out before copies are planted
_CONTAINMENT = 0.9

Shingles = frozenset[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Planted:
    """A planted copy.

    Attributes:
        kind: Name of the change (see `plant`).
        source: Index of the text that was copied.
        copy: Index of the copy.
        similarity: Their true Jaccard similarity; for "part" the share of the copy that is in the source.
    """

    kind: str
    source: int
    copy: int
    similarity: float


@dataclass(frozen=True, slots=True)
class DedupReport(Report):
    """Figures of deduplication among planted copies; percentages to three digits, None where nothing counts.

    Attributes:
        texts: Number of texts, copies included.
        similarity: Jaccard similarity from which texts count as duplicates.
        planted: Number of copies at least as similar as that, without parts.
        found_percent: Share of these pairs of which one text is merged.
        by_kind: For each kind of change: number of pairs, least and greatest similarity, share merged.
        near_misses: The same for copies below the similarity, which must not be merged.
        merges: Number of merged texts.
        missed: Number of texts that should be merged and are not, planted or not.
        false_merges, false_merges_percent: Merges of texts below the similarity, and their share of all merges.
        parts: The figures of copies of a part, searched for with containment; with the containment and false merges.
        texts_per_second: Texts of one call over its wall time.
        peak_megabytes: Largest resident memory of the process.
    """

    texts: int
    similarity: float
    planted: int
    found_percent: float | None
    by_kind: dict[str, dict[str, Any]]
    near_misses: dict[str, Any]
    merges: int
    missed: int
    false_merges: int
    false_merges_percent: float
    parts: dict[str, Any]
    texts_per_second: int
    peak_megabytes: int


def read_texts(data: Path, *, pages: bool = False) -> list[str]:
    """Read the texts of a folder or a file: `*.jsonl` with a field "text", `*.md`, `*.rst`, `*.txt`, by name.

    Args:
        data: The folder or the file.
        pages: Give whole texts; else passages: paragraphs joined to at least 60 words and cut at 160.

    Raises:
        InputError: There are no texts, or a file cannot be read in its format.
    """
    files = sorted(path for path in data.rglob("*") if path.is_file()) if data.is_dir() else [data]
    texts = [text for path in files for text in _read_file(path)]
    if not pages:
        texts = [passage for text in texts for passage in _cut_passages(text)]
    if not texts:
        raise InputError("there are no texts", where=data.name, hint="give files such as *.txt, *.md or *.jsonl")
    return texts


def plant(texts: Sequence[str], *, seed: int = 0) -> tuple[list[str], list[Planted]]:
    """Mix the texts that are unlike each other with a changed copy of every second one.

    Kinds in turn: "exact"; "case", other case, spaces and punctuation; "words", some replaced, left out or added;
    "moved", one sentence elsewhere; "framed", boilerplate around it; "numbers", the same text with so many other
    numbers that the similarity is about 0.7, which is no copy; "part", half of it.
    """
    state = random.Random(seed)
    sets = [_build_shingles(text) for text in texts]
    # Real duplicates go first, so that all that is similar afterwards was planted, with a known similarity.
    gone = find_true_merges(sets, _UNLIKE)
    base = [index for index, found in enumerate(sets) if found and index not in gone]
    copied = sorted(state.sample(base, len(base) // 2))
    kinds = list(_CHANGES)
    entries: list[tuple[int, str, str]] = [(index, "", texts[index]) for index in base]
    for number, index in enumerate(copied):
        kind = kinds[number % len(kinds)]
        entries.append((index, kind, _CHANGES[kind](texts[index], state)))
    # Copies come before or after their source, as in real collections.
    state.shuffle(entries)
    places = {index: place for place, (index, kind, _) in enumerate(entries) if not kind}
    planted = [
        Planted(kind, places[index], place, _measure_similarity(kind, sets[index], _build_shingles(text)))
        for place, (index, kind, text) in enumerate(entries)
        if kind
    ]
    return [text for _, _, text in entries], planted


def measure(texts: Sequence[str], *, similarity: float = 0.8, seed: int = 0) -> DedupReport:
    """Plant copies, deduplicate, and compare with the true merges.

    The true merges are computed without hashing and without filters, from the sets of shingles themselves.
    """
    everything, planted = plant(texts, seed=seed)
    sets = [_build_shingles(text) for text in everything]
    start = perf_counter()
    found = deduplicate(everything, similarity=similarity)
    seconds = perf_counter() - start
    # A second search, not timed: containment also merges parts, which would hide what similarity alone finds.
    wide = deduplicate(everything, similarity=similarity, containment=_CONTAINMENT)
    true = find_true_merges(sets, similarity)
    gone = {merge.index for merge in found.merges}
    # A part is not similar to its source by Jaccard, only contained in it: it is judged in the search with containment.
    near = [one for one in planted if one.kind != "part"]
    due = [one for one in near if one.similarity >= similarity]
    below = [one for one in near if one.similarity < similarity]
    parts = [one for one in planted if one.kind == "part"]
    wide_gone = {merge.index for merge in wide.merges}
    false = [not _is_true(merge.index, merge.into, sets, similarity, None) for merge in found.merges]
    false_wide = sum(not _is_true(merge.index, merge.into, sets, similarity, _CONTAINMENT) for merge in wide.merges)
    # Linux counts resident memory in kilobytes, macOS in bytes.
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return DedupReport(
        texts=len(everything),
        similarity=similarity,
        planted=len(due),
        found_percent=_merged_percent(due, gone),
        by_kind={
            kind: _summarize([one for one in due if one.kind == kind], gone) for kind in _CHANGES if kind != "part"
        },
        near_misses=_summarize(below, gone),
        merges=len(found.merges),
        missed=len(true.keys() - gone),
        false_merges=sum(false),
        false_merges_percent=percent_or_none(false, digits=3) or 0.0,
        parts=_summarize(parts, wide_gone) | {"containment": _CONTAINMENT, "false_merges": false_wide},
        texts_per_second=round(len(everything) / seconds),
        peak_megabytes=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit),
    )


def find_true_merges(sets: Sequence[Shingles], similarity: float) -> dict[int, int]:
    """Map each set to the first earlier set that is kept and similar, by counting common elements of all pairs."""
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


def _summarize(planted: Sequence[Planted], gone: set[int]) -> dict[str, Any]:
    values = [one.similarity for one in planted]
    return {
        "pairs": len(planted),
        "least": round(min(values, default=0), 3),
        "most": round(max(values, default=0), 3),
        "merged_percent": _merged_percent(planted, gone),
    }


def _merged_percent(planted: Sequence[Planted], gone: set[int]) -> float | None:
    """Share of the pairs of which one text was merged, either of them: which one comes first is random."""
    return percent_or_none((one.copy in gone or one.source in gone for one in planted), digits=3)


def _measure_similarity(kind: str, source: Shingles, copy: Shingles) -> float:
    common = len(source & copy)
    return common / max(len(copy), 1) if kind == "part" else common / max(len(source | copy), 1)


def _build_shingles(text: str) -> Shingles:
    found = words(text)
    if not found:
        return frozenset()
    return frozenset(tuple(found[i : i + _WIDTH]) for i in range(max(len(found) - _WIDTH, 0) + 1))


def _read_file(path: Path) -> list[str]:
    try:
        if path.suffix == ".jsonl":
            return [
                str(parse_json(line)["text"]) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()
            ]
        return [path.read_text(encoding="utf-8")] if path.suffix in (".md", ".rst", ".txt") else []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"the file cannot be read ({type(error).__name__})", where=path.name) from error


def _cut_passages(text: str) -> Iterator[str]:
    """Join paragraphs to passages of 60 to 160 words; a shorter rest at the end is dropped."""
    least, most = _WORDS
    held: list[str] = []
    for paragraph in text.split("\n\n"):
        held += paragraph.split()
        while len(held) >= least:
            yield " ".join(held[:most])
            held = held[most:]


def _change_case(text: str, state: random.Random) -> str:
    parts = [state.choice((str.upper, str.lower, str))(word) for word in text.split()]
    return state.choice(("  ", "\n", " \t")).join(parts).replace(".", state.choice((" .", "!", "")))


def _edit_words(text: str, state: random.Random) -> str:
    parts = text.split()
    for _ in range(state.randint(1, max(len(parts) // 30, 1))):
        place = state.randrange(len(parts))
        new = state.choice(([], ["instead"], [parts[place], "indeed"], ["such", "things"]))
        parts[place : place + 1] = new
    return " ".join(parts)


def _move_sentence(text: str, state: random.Random) -> str:
    sentences = [text[start:end] for start, end in sentence_spans(text)]
    moved = sentences.pop(state.randrange(len(sentences)))
    sentences.insert(state.randint(0, len(sentences)), moved)
    return " ".join(sentences)


def _add_frame(text: str, state: random.Random) -> str:
    return state.choice((f"Home / Docs\n{text}", f"{text}\nShare this page", f"Menu\n{text}\nAll rights reserved"))


def _replace_by_numbers(text: str, state: random.Random) -> str:
    """Replace words at equal distances by numbers: r of n words leave a similarity of (n - 3r) / (n + 3r)."""
    parts = text.split()
    # Solved for r at a similarity of 0.7: r = 0.3 n / (3 * 1.7).
    count = max(round(len(parts) * 0.3 / (3 * 1.7)), 1)
    step = len(parts) / count
    for number in range(count):
        parts[int((number + 0.5) * step)] = str(state.randrange(10**6))
    return " ".join(parts)


def _cut_part(text: str, state: random.Random) -> str:
    parts = text.split()
    size = max(len(parts) // 2, 1)
    start = state.randint(0, len(parts) - size)
    return " ".join(parts[start : start + size])


_CHANGES: dict[str, Callable[[str, random.Random], str]] = {
    "exact": lambda text, _state: text,
    "case": _change_case,
    "words": _edit_words,
    "moved": _move_sentence,
    "framed": _add_frame,
    "numbers": _replace_by_numbers,
    "part": _cut_part,
}
