"""Why a column was kept, in words for people."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from ctxprune.models.vectors import load_vectors
from ctxprune.text.words import STOP_WORDS, fold, stem, words

from ..render._text import datum
from ..schema.schema import ColumnRef
from .words import load_cues, name_stems, similarity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from .context import SchemaContext

__all__ = ["explain"]

_MATCHED = 0.5
_NEAR = 0.5  # cosine from which two words mean about the same
_MAX_WORDS = 400


def explain(
    question: str, context: SchemaContext, kept: Collection[ColumnRef], selected: Collection[ColumnRef]
) -> dict[ColumnRef, tuple[str, ...]]:
    """Reasons of every kept column, strongest first, in schema order.

    Args:
        question: As asked.
        context: The schema, with hits and evidence.
        kept: All kept columns.
        selected: Those among them that were kept for their score; the others are there for their tables' sake.
    """
    reader = _Reader(question, context.evidence)
    keys = _keys(context, {ref.table for ref in kept})
    values: dict[ColumnRef, list[str]] = defaultdict(list)
    for hit in context.hits:
        values[hit.ref].append(f"value: {datum(hit.value)}")
    schema = context.schema
    reasons = {}
    for table in schema.tables:
        for column in table.columns:
            ref = ColumnRef(table.name, column.name)
            if ref not in kept:
                continue
            found = [*values.get(ref, ())[:3], *reader.reasons(column.name, column.comment, column.description)]
            if ref in selected and not found:
                found = [f"table: {datum(table.name)} fits the question"]
            found += keys.get(ref, ())
            if column.primary_key:
                found.append(f"primary key of {datum(table.name)}")
            reasons[ref] = tuple(found or ("table fits the question",))
    return reasons


def _keys(context: SchemaContext, tables: Collection[str]) -> Mapping[ColumnRef, list[str]]:
    graph = context.statistics.graph
    found: dict[ColumnRef, list[str]] = defaultdict(list)
    for key in graph.between(sorted(tables)):
        text = f"joins {datum(key.table)} and {datum(key.ref_table)}" + (" (inferred)" if key.inferred else "")
        for ref in graph.ends(key):
            if text not in found[ref]:
                found[ref].append(text)
    return found


class _Reader:
    """Finds what of a name, comment or description the question and the evidence speak of."""

    def __init__(self, question: str, evidence: str) -> None:
        content = [word for word in words(f"{question}\n{evidence}"[:20_000]) if word not in STOP_WORDS]
        self._words = dict.fromkeys(content[:_MAX_WORDS])
        self._stems = {stem(word): word for word in self._words}
        self._every = {stem(word) for word in words(question[:20_000])}
        self._evidence = fold(evidence)
        self._vectors = load_vectors().of(list(self._stems))

    def reasons(self, name: str, comment: str, description: str) -> list[str]:
        found = []
        if len(name) > 2 and fold(name) in self._evidence:
            found.append("evidence names it")
        stems = name_stems(name)
        matches = self._matching_words(stems)
        if matches:
            found.append(f"name: {', '.join(matches)}")
        matches = self._matching_words([stem(word) for word in words(comment) if stem(word) not in stems])
        if matches:
            found.append(f"comment: {', '.join(matches)}")
        matches = self._equal_words(words(description[:2000]))
        if matches and not found:
            found.append(f"description: {', '.join(matches[:3])}")
        return found or self._cue(stems) or self._near(stems)

    def _matching_words(self, stems: Iterable[str]) -> list[str]:
        """Words of the question that match some of `stems`, each shown as the question has it."""
        related = load_cues().related
        found: dict[str, None] = {}
        for named in dict.fromkeys(stems):
            near = related.get(named, {})
            scored = (
                (max(similarity(named, asked), near.get(asked, 0.0)), word) for asked, word in self._stems.items()
            )
            value, word = max(scored, default=(0.0, ""), key=lambda pair: pair[0])
            if value >= _MATCHED:
                found[f"'{word}'" + ("" if value == 1.0 else f" ~ {named}")] = None
        return list(found)

    def _equal_words(self, texts: Iterable[str]) -> list[str]:
        return [f"'{word}'" for word in dict.fromkeys(texts) if word in self._words]

    def _cue(self, stems: Iterable[str]) -> list[str]:
        cues = load_cues()
        own = set(stems)
        for kind, column_words in cues.columns.items():
            matches = sorted(self._every & cues.questions[kind])
            if own & column_words and matches:
                return [f"{kind}: the question says '{matches[0]}'"]
        return []

    def _near(self, stems: Sequence[str]) -> list[str]:
        """The word of the question that means about the same as a word of the name."""
        if not len(self._vectors):
            return []
        near = load_vectors().of(stems) @ self._vectors.T
        named, asked = divmod(int(near.argmax()), near.shape[1])
        word = list(self._stems.values())[asked]
        return [f"meaning: '{word}' ~ {stems[named]}"] if near[named, asked] >= _NEAR else []
