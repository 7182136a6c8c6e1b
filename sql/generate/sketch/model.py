"""The learned part of the generator: networks, templates and word associations, and the file that holds them."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import FormatError
from ctxprune.storage.npz import read_npz
from ctxprune.storage.sealed import parse_json

from .features import column_features, question_features, read, table_features
from .net import Net
from .relevance import about_features
from .scores import Pair, Scores, candidate_pairs, pair_features, slot_features, value_features
from .templates import Template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from .analysis import Analysis
    from .features import Reading
    from .view import SchemaView

__all__ = ["FORMAT", "Likely", "Model", "assemble_scores", "read_related", "remove_projection"]

FORMAT = {"format": "ctxprune-sketch", "version": 1}
_NETS = ("question", "column", "table", "pair", "operator", "role", "rank", "about")
_ARRAYS = ("b1", "w2", "b2", "w0")  # of every network, beside w1, which is stored as bytes
# Columns that are scored; wider schemas are cut to those that the question can be about.
_MAX_COLUMNS = 300
# Log-probability of a template or part that the network does not know.
_ABSENT = -9.0


@dataclass(frozen=True, slots=True)
class Likely:
    """A template with two opinions about it: as a whole, and as a projection over a skeleton (log-probabilities)."""

    template: Template
    whole: float
    parts: float

    @property
    def score(self) -> float:
        """What templates are ranked by before they are filled."""
        return float(np.logaddexp(self.whole, self.parts - 0.7))


def remove_projection(template: Template) -> Template:
    """The template without its projection, on both sides of a set operation."""
    right = replace(template.right, select=()) if template.right else None
    return replace(template, select=(), right=right)


@dataclass(frozen=True)
class Model:
    """Immutable once built; safe to share between threads.

    Attributes:
        nets: By name: question, column, table, pair, operator, role, rank, about.
        templates: What the first outputs of the question network stand for.
        selects: What the next outputs stand for: projections.
        skeletons: What the last outputs stand for: templates without projection.
        cues: Words that features keep as they are.
        related: Question stem to schema stems it often means, with strengths 0..1.
    """

    nets: Mapping[str, Net]
    templates: tuple[Template, ...]
    selects: tuple[tuple[str, ...], ...]
    skeletons: tuple[Template, ...]
    cues: frozenset[str]
    related: Mapping[str, Mapping[str, float]]

    def read(self, analysis: Analysis, view: SchemaView) -> Reading:
        """The analysis with tokens reduced to classes."""
        return read(analysis, view, self.cues)

    def is_about(self, scores: Scores) -> bool:
        """Does the question say anything about the schema?"""
        return float(self.nets["about"]([about_features(scores)])[0, 0]) >= 0.0

    def likely(self, scores: Scores, count: int) -> list[Likely]:
        """The `count` likeliest templates, best first."""
        row = {**question_features(scores.reading), **slot_features(scores)}
        out = self.nets["question"]([row])[0].astype(float)
        ends = np.cumsum([len(self.templates) + 1, len(self.selects) + 1, len(self.skeletons) + 1])
        whole = _log_softmax(out[: ends[0]])
        select = _log_softmax(out[ends[0] : ends[1]])
        bones = _log_softmax(out[ends[1] : ends[2]])
        select_of = {words: float(select[i]) for i, words in enumerate(self.selects)}
        bones_of = {shape: float(bones[i]) for i, shape in enumerate(self.skeletons)}
        found = {
            template: Likely(
                template,
                float(whole[i]),
                select_of.get(template.select, _ABSENT) + bones_of.get(remove_projection(template), _ABSENT),
            )
            for i, template in enumerate(self.templates)
        }
        # Likely projections crossed with likely skeletons give templates that training never showed. The last output of
        # each is "none of these".
        for i in np.argsort(-select[:-1], kind="stable")[:5]:
            for j in np.argsort(-bones[:-1], kind="stable")[:8]:
                words, shape = self.selects[int(i)], self.skeletons[int(j)]
                right = replace(shape.right, select=words) if shape.right else None
                template = replace(shape, select=words, right=right)
                if template not in found:
                    found[template] = Likely(template, _ABSENT, float(select[i] + bones[j]))
        return sorted(found.values(), key=lambda one: -one.score)[:count]

    def score(self, reading: Reading) -> Scores:
        """Log-odds for every column, table and literal."""
        view, analysis = reading.view, reading.analysis
        columns = np.full((len(view.columns), self.nets["column"].b2.shape[0]), -12.0, np.float32)
        chosen = _worth_scoring(reading)
        columns[chosen] = self.nets["column"]([column_features(reading, number) for number in chosen])
        tables = self.nets["table"]([table_features(reading, number) for number in range(len(view.tables))])[:, 0]
        raw = candidate_pairs(reading, columns)
        logits = self.nets["pair"]([pair_features(reading, pair, columns) for pair in raw])[:, 0]
        pairs = [Pair(float(logit), v, c, text) for logit, (v, c, text, _) in zip(logits, raw, strict=True)]
        values = [value_features(reading, number) for number in range(len(analysis.values))]
        return assemble_scores(
            reading, (columns, tables), pairs, (self.nets["operator"](values), self.nets["role"](values))
        )

    def save(self) -> bytes:
        """The model as the bytes of an .npz file without pickled objects."""
        meta = {
            **FORMAT,
            "templates": [template.to_json() for template in self.templates],
            "selects": [list(words) for words in self.selects],
            "skeletons": [template.to_json() for template in self.skeletons],
            "cues": sorted(self.cues),
            "related": {word: dict(sorted(self.related[word].items())) for word in sorted(self.related)},
            "vocabularies": {name: _words(net.vocabulary) for name, net in self.nets.items()},
            "wide": {name: _words(net.wide) for name, net in self.nets.items()},
        }
        arrays: dict[str, Any] = {"meta": np.frombuffer(json.dumps(meta, separators=(",", ":")).encode(), np.uint8)}
        for name, net in self.nets.items():
            arrays[f"{name}.w1"], arrays[f"{name}.scale"] = _quantised(net.w1)
            for part, array in zip(_ARRAYS, (net.b1, net.w2, net.b2, net.w0), strict=True):
                arrays[f"{name}.{part}"] = array.astype(np.float16)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)
        return buffer.getvalue()

    @classmethod
    def load(cls, data: bytes, where: str = "") -> Model:
        """Read what `save` wrote.

        Raises:
            FormatError: The bytes are of another format or version, or damaged.
        """
        try:
            held = read_npz(data)
            meta = _meta(held, where)
            known = [name for name in _NETS if name in meta["vocabularies"]]
            nets = {name: _net(name, (meta["vocabularies"][name], meta["wide"][name]), held) for name in known}
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise FormatError("the sketch weights are damaged", where=where, hint="reinstall the package") from error
        return cls(
            nets=nets,
            templates=tuple(Template.from_json(entry) for entry in meta["templates"]),
            selects=tuple(tuple(words) for words in meta["selects"]),
            skeletons=tuple(Template.from_json(entry) for entry in meta["skeletons"]),
            cues=frozenset(meta["cues"]),
            related=meta["related"],
        )


def read_related(data: bytes, where: str = "") -> dict[str, dict[str, float]]:
    """The `related` of a saved model, without its networks.

    Raises:
        FormatError: The bytes are of another format or version, or damaged.
    """
    try:
        related: dict[str, dict[str, float]] = _meta(read_npz(data), where)["related"]
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise FormatError("the sketch weights are damaged", where=where, hint="reinstall the package") from error
    return related


def _meta(held: Any, where: str) -> dict[str, Any]:
    meta: dict[str, Any] = parse_json(held["meta"].tobytes())
    if {key: meta.get(key) for key in FORMAT} != FORMAT:
        raise FormatError("unknown format or version of the sketch weights", where=where)
    return meta


def assemble_scores(
    reading: Reading,
    elements: tuple[NDArray[np.float32], NDArray[np.float32]],
    pairs: Sequence[Pair],
    literals: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> Scores:
    """Scores from the outputs of the networks: (columns, tables), pairs, (operators, roles) of the literals."""
    operators, roles = literals
    return Scores(
        reading=reading,
        columns=elements[0],
        tables=elements[1],
        placements=tuple(sorted(pairs, key=lambda pair: (-pair.score, pair.value, pair.column))),
        operators=tuple(tuple(_log_softmax(row.astype(float)).tolist()) for row in operators),
        roles=tuple(tuple(_log_softmax(row.astype(float)).tolist()) for row in roles),
    )


def _quantised(matrix: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    """Eight-bit integers and one scale per row."""
    # One scale a row keeps rare features precise; a single one would round them to 0.
    scale = np.maximum(np.abs(matrix).max(axis=1, keepdims=True) / 127.0, 1e-6).astype(np.float16)
    return np.rint(matrix / scale.astype(np.float32)).clip(-127, 127).astype(np.int8), scale


def _net(name: str, words: tuple[Sequence[str], Sequence[str]], held: Any) -> Net:
    b1, w2, b2, w0 = (held[f"{name}.{part}"].astype(np.float32) for part in _ARRAYS)
    w1 = held[f"{name}.w1"].astype(np.float32) * held[f"{name}.scale"].astype(np.float32)
    vocabulary, wide = ({word: i for i, word in enumerate(part)} for part in words)
    return Net(vocabulary, w1, b1, w2, b2, wide, w0)


def _words(numbers: Mapping[str, int]) -> list[str]:
    return sorted(numbers, key=numbers.__getitem__)


def _log_softmax(out: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = out - out.max()
    result: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum())
    return result


def _worth_scoring(reading: Reading) -> list[int]:
    """All columns of an ordinary schema; of a very wide one those that the question can be about."""
    view, analysis = reading.view, reading.analysis
    if len(view.columns) <= _MAX_COLUMNS:
        return list(range(len(view.columns)))
    stored = {view.index[ref] for value in analysis.values for ref, _, _ in value.places}

    def interest(number: int) -> float:
        facts = view.columns[number]
        mention = analysis.columns[number][0].score if number in analysis.columns else 0.0
        table = analysis.tables[facts.table][0].score if facts.table in analysis.tables else 0.0
        return mention + 0.5 * table + (1.0 if number in stored else 0.0) + 0.2 * (facts.label or facts.key)

    return sorted(sorted(range(len(view.columns)), key=lambda n: (-interest(n), n))[:_MAX_COLUMNS])
