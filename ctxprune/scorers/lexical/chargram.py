"""BM25 on pieces of words."""

from __future__ import annotations

from dataclasses import dataclass

from ctxprune.scorers.lexical.bm25 import Bm25Scorer
from ctxprune.text.words import STOP_WORDS, words
from ctxprune.utils.validation import check_whole

__all__ = ["ChargramScorer"]


@dataclass(frozen=True)
class ChargramScorer(Bm25Scorer):
    """BM25 on the character n-grams of folded words, edges included; range and formula as in `Bm25Scorer`.

    Forgives inflection, compounds and misspelling in any language, where the lexical scorer needs the same stem
    (McNamee and Mayfield 2004, character n-gram tokenization for retrieval).

    Attributes:
        n: Characters a gram, a word's edges counting as one each; from 2 up. Shorter words are one gram.

    Raises:
        UsageError: n is under 2.

    Examples:
        ```python
        from ctxprune import ChargramScorer, TopK, prune

        text = "Es regnet oft. Die Eröffnung der Brücke war 1933."
        kept = prune(
            "Wann wurde die Brücke eröffnet?", text, scorer=ChargramScorer(), policy=TopK(1)
        )
        print(kept.output)  # Die Eröffnung der Brücke war 1933.
        ```
    """

    n: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("n", self.n, minimum=2)

    def analyse(self, text: str) -> list[str]:
        """The n-grams of the words of `text` without stop words; with them where there are no others."""
        found = words(text)
        # A space on each side tells grams at the beginning and the end of a word from those within one.
        edged = [f" {word} " for word in found if word not in STOP_WORDS] or [f" {word} " for word in found]
        return [word[i : i + self.n] for word in edged for i in range(max(len(word) - self.n + 1, 1))]
