"""The base of scorers that judge passages without a question, and their registry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.registry import Registry
from ctxprune.utils.validation import check_whole, describe_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["QUALITIES", "Quality", "as_quality", "check_texts"]


class Quality(ABC):
    """How likely a passage is to answer any question at all. A subclass has `judge` and the names of its reasons.

    Attributes:
        reasons: What may be said against a passage; `judge` gives places in it.

    Examples:
        ```python
        import numpy as np

        from ctxprune.rag import QUALITIES, Quality, prune_corpus


        class Longer(Quality):  # prefers long passages
            reasons = ("short",)

            def judge(self, texts):
                sizes = [min(len(text) / 1000, 1) for text in texts]
                return np.asarray(sizes, np.float32), np.zeros(len(texts), np.uint8)


        passages = ["Home", "The bridge opened in 1933."]
        print(list(prune_corpus(passages, share=0.5, quality=Longer())))
        # ['The bridge opened in 1933.']
        print("surface.v1" in QUALITIES.names())  # True
        ```
    """

    reasons: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def judge(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """For each text its quality, float32 (n_texts,), 0 to 1, higher = keep; and what speaks most against it.

        The latter is uint8 (n_texts,), places in `reasons`. A text's row does not depend on the texts beside it.
        """

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The qualities alone, float32 (n_texts,); (0,) without texts.

        Raises:
            UsageError: `texts` is one text, or holds something else than texts.
        """
        return self.judge(check_texts(texts))[0]

    def score_stream(self, texts: Iterable[str], *, batch: int = 1000) -> Iterator[float]:
        """The quality of each text, in order; so many texts are in memory at a time.

        Raises:
            UsageError: As `score`, or batch is under 1.
        """
        check_whole("batch", batch)
        remaining = iter(texts)
        while part := list(islice(remaining, batch)):
            yield from self.score(part).tolist()


QUALITIES: Registry[type[Quality]] = Registry(
    "quality",
    {
        "length.v1": "ctxprune.rag.corpus.length:LengthQuality",
        "surface.v1": "ctxprune.rag.corpus.quality:PassageQuality",
    },
)


def as_quality(value: Any) -> Quality:
    """`value` itself, or the registered one of that name.

    Raises:
        UsageError: It is neither.
        UnknownNameError: There is none of that name.
    """
    if isinstance(value, str):
        return QUALITIES.get(value)()
    if not isinstance(value, Quality):
        raise UsageError(f"quality is {describe_type(value)}", hint="give a Quality or the name of one")
    return value


def check_texts(texts: Any) -> list[str]:
    """The texts as a list.

    Raises:
        UsageError: One text in place of several, or something else than a text.
    """
    if isinstance(texts, str | bytes):
        raise UsageError("texts is one text", hint="give a list of texts")
    found = list(texts)
    for place, text in enumerate(found):
        if not isinstance(text, str):
            raise UsageError(f"text {place} is {describe_type(text)}", hint="give texts alone")
    return found
