"""Passage quality by a linear model over the surface of a text."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.models.network import WIDEST, Network
from ctxprune.models.weights import load_shipped, reading
from ctxprune.storage.drafts import draft_of
from ctxprune.storage.sealed import seal, unseal
from ctxprune.utils.validation import check_number, describe_type

from .base import Quality, check_texts
from .features import FEATURES, describe_passages
from .fitting import fit_logistic

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["FORMAT", "VERSION", "PassageQuality", "QualityWeights", "fit_quality"]

FORMAT, VERSION = "ctxprune.corpus.quality", 1
_FILE = "quality.json"
_DECAY = 0.01  # chosen on the training sets, each left out in turn: benchmarks/training/quality_weights.py


_HEADS = ("text", "asked")


@dataclass(frozen=True)
class QualityWeights:
    """Two linear models over `FEATURES`.

    Attributes:
        text: Tells passages from menus, fragments, repeated lines, links and marks.
        asked: Tells passages that answered a question from those that answered none.
    """

    text: Network
    asked: Network

    def __post_init__(self) -> None:
        for name in _HEADS:
            network = getattr(self, name)  # a field of this class
            if not isinstance(network, Network) or network.hidden is not None or len(network.mean) != len(FEATURES):
                raise UsageError(f"{name} is no linear network of {len(FEATURES)} inputs", hint="use fit_quality")

    @classmethod
    def from_dict(cls, data: Any) -> QualityWeights:
        """Read the layout that `quality.json` has.

        Raises:
            FormatError: Another format or version, other features, or damaged data.
        """
        with reading(data, (FORMAT, VERSION), list(FEATURES)) as weights:
            return cls(*(Network.from_dict(weights[name], inputs=len(FEATURES)) for name in _HEADS))

    def to_dict(self) -> dict[str, Any]:
        """The inverse of `from_dict`."""
        heads = {name: network.to_dict() for name, network in (("text", self.text), ("asked", self.asked))}
        return {"format": FORMAT, "version": VERSION, "features": list(FEATURES), **heads}


def _shipped() -> QualityWeights:
    return load_shipped(QualityWeights.from_dict, __package__, _FILE)


@dataclass(frozen=True)
class PassageQuality(Quality):
    """How likely a passage is to answer any question, from its surface alone: float32 (n,), 0 to 1, higher = keep.

    The product of two logistic regressions over `FEATURES`: that it is a passage at all, and that it is one of those
    that are asked about. It gives an order, and no calibrated probability. Nothing is read but the first 10,000
    characters of the text; one without words has quality 0. After Chang, Mishra, Macdonald and MacAvaney, Neural
    Passage Quality Estimation for Static Pruning, SIGIR 2024, where the model is a network over the words. Safe to
    share between threads.

    Attributes:
        weights: Those that come with the library by default; `fit_quality` makes others.

    Examples:
        ```python
        from ctxprune.rag import PassageQuality

        texts = [
            "Home | Login | Imprint",
            "The bridge was opened in 1933 by the mayor of the city.",
        ]
        scores = PassageQuality().score(texts)
        print(scores[1] > scores[0])  # True
        ```
    """

    weights: QualityWeights = field(default_factory=_shipped)
    reasons: ClassVar[tuple[str, ...]] = (*FEATURES, "no words")

    def __post_init__(self) -> None:
        if not isinstance(self.weights, QualityWeights):
            raise UsageError(f"weights is {describe_type(self.weights)}", hint="give those of a PassageQuality")

    def judge(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """See `Quality`; the reason is the feature that lowers the quality most.

        Few distinct words are no reason of their own: they come from a short text ("length") or from words that are
        said again ("repetition").
        """
        rows = describe_passages(texts)
        text, parts = _chances(self.weights.text, rows)
        asked, others = _chances(self.weights.asked, rows)
        parts, others = _part_distinct(self.weights.text, rows, parts), _part_distinct(self.weights.asked, rows, others)
        # The slope of ln(chance) by a part of its logit is 1 - chance: what is sure of itself gives no reason.
        lowered = parts * (1 - text)[:, None] + others * (1 - asked)[:, None]
        quality, reasons = (text * asked).astype(np.float32), lowered.argmin(axis=1).astype(np.uint8)
        wordless = ~rows.any(axis=1)
        quality[wordless], reasons[wordless] = 0, len(FEATURES)
        return quality, reasons

    def save(self, path: str | Path, *, card: dict[str, Any] | None = None) -> None:
        """Write the weights as JSON with a checksum, whole or not at all; `card` says what they were made from. Weights
        made by hand are rounded to five digits.

        Raises:
            InputError: The file cannot be written.
        """
        try:
            text = seal({**self.weights.to_dict(), "card": card or {}}, indent=1)
            with draft_of(Path(path)) as draft:
                draft.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(f"the weights cannot be written ({error.strerror})", where=str(path)) from error
        except (TypeError, ValueError) as error:
            raise UsageError(f"card is no JSON ({error})") from error

    @classmethod
    def load(cls, path: str | Path) -> PassageQuality:
        """The inverse of `save`.

        Raises:
            InputError: The file cannot be read.
            FormatError: It is damaged, of another version, or holds other features.
        """
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise InputError(f"the weights cannot be read ({error.strerror})", where=str(path)) from error
        try:
            data = unseal(content)
        except ValueError as error:
            raise FormatError(f"the weights are damaged ({error})", where=str(path)) from error
        return cls(QualityWeights.from_dict(data))


def _part_distinct(network: Network, rows: NDArray[np.float64], parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """The parts of the logit, that of "distinct words" divided among "length" and "repetition".

    ln(distinct) = ln(words) + ln(distinct / words). As a column of its own it would be the reason of nearly all
    passages, since every short text has few distinct words.
    """
    length, again, distinct = (FEATURES.index(name) for name in ("length", "repetition", "distinct words"))
    gap = (rows[:, distinct] - rows[:, length]) - (network.mean[distinct] - network.mean[length])
    repeated = network.out[distinct] * gap / network.scale[distinct]
    found = parts.copy()
    found[:, again] += repeated
    found[:, length] += parts[:, distinct] - repeated
    found[:, distinct] = 0.0
    return found


def _chances(network: Network, rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The probability of each row, float64 (n,), and what each column adds to its logit, float64 (n, d)."""
    parts = np.clip((rows - network.mean) / network.scale, -WIDEST, WIDEST) * network.out
    # A matrix product may sum in another order for another number of rows: then a text's quality would depend on its
    # batch in the last bit, and the cut of a resumed run on where it was stopped.
    logits = np.add.accumulate(parts, axis=1)[:, -1] + network.bias
    return 1 / (1 + np.exp(-logits)), parts


def fit_quality(
    texts: Iterable[str],
    answered: Iterable[bool],
    *,
    corpora: Iterable[Hashable] | None = None,
    decay: float = _DECAY,
) -> PassageQuality:
    """Train `PassageQuality` on passages of which it is known whether they answered some question of a query log.

    What tells a passage from a menu stays that of the library; what is asked about is learned.

    Args:
        texts: The passages.
        answered: For each whether it did.
        corpora: For each the corpus that it is of, whose share of answered passages says nothing about the others;
            every corpus counts alike. None for one corpus.
        decay: How strongly the weights are held near 0, from 1e-6 up.

    Raises:
        UsageError: An argument is of the wrong kind, the lengths differ, or no corpus has passages of both sides.
    """
    check_number("decay", decay, minimum=1e-6)
    passages = check_texts(texts)
    labels = np.asarray(list(answered))
    if labels.shape != (len(passages),) or (len(labels) and not np.isin(labels, (0, 1)).all()):
        raise UsageError(f"answered has no bool for each of {len(passages)} texts", hint="give as many as texts")
    names = [None] * len(passages) if corpora is None else list(corpora)
    if len(names) != len(passages):
        raise UsageError(f"{len(names)} corpora do not match {len(passages)} texts", hint="give one for each")
    numbers: dict[Any, int] = {}
    try:
        groups = np.asarray([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.intp)
    except TypeError as error:
        raise UsageError(f"a name in corpora cannot be compared ({error})", hint="give texts or numbers") from None
    labels = labels.astype(np.bool_)
    sided = {(group, side) for group, side in zip(groups.tolist(), labels.tolist(), strict=True)}
    if not any((group, True) in sided and (group, False) in sided for group in range(len(numbers))):
        raise UsageError("no corpus has passages that answered and passages that did not", where="answered")
    asked = fit_logistic(describe_passages(passages), labels, groups, decay=decay)
    # As a file holds them, rounded: what is saved gives the same qualities again.
    return PassageQuality(QualityWeights.from_dict(QualityWeights(_shipped().text, asked).to_dict()))
