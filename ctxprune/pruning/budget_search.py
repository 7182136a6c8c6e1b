"""How much less than its budget a policy must be given, or how much more, so that the text of its choice just fits."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Fitting"]

_PATIENCE = 16  # rounds in proportion, before by ever more: in trials 14 were the most that was needed
_ALIKE = 5  # rounds that made no difference, before by ever more: the units are large beside what is over
_FULL = 0.97  # of the budget; a text that fills so much is not worth another round
_FILLING = 4  # rounds in which to fill a budget better, once a text fits


@dataclass
class Fitting:
    """Narrows down the least tightening that is enough, from what the rendered texts take.

    Attributes:
        budget: Tokens that the text may take.
        loosens: Whether a policy may be given more than the budget, since units may take less in the text than by
            themselves: the tightening is then below 0.
        short: The most tightening that was not enough, and the tokens of its text; None before there is one.
        enough: The least that was, and likewise.
    """

    budget: int
    loosens: bool = False
    short: tuple[int, int] | None = None
    enough: tuple[int, int] | None = None
    _rounds: int = field(default=0, init=False)
    _filled: int = field(default=0, init=False)
    _alike: int = field(default=0, init=False)  # rounds that made no difference, one after the other

    def following(self, by: int, tokens: int) -> int | None:
        """What to try after `by`, whose text took so many tokens; None if that is the end, since `enough` is."""
        self._rounds += 1
        if tokens > self.budget:
            self._alike = self._alike + 1 if self.short is not None and self.short[1] == tokens else 0
            self.short = (by, tokens)
        elif self.enough is None or by < self.enough[0]:
            self.enough = (by, tokens)
        if self.enough is None:
            # A policy that had nothing to spend already renders no less than this: what stands there is not its choice.
            return min(self._more(by, tokens), self.budget) if by < self.budget else None
        self._filled += 1
        if self._filled > _FILLING or self.enough[1] >= _FULL * self.budget:
            return None
        return self._less(*self.enough) if self.short is None else self._between(self.short, self.enough)

    def _more(self, by: int, tokens: int) -> int:
        """Tightening in proportion: the text is taken to shrink as what the policy may spend does."""
        spends = self.budget - by
        larger = max(0, self._rounds - _PATIENCE, self._alike - _ALIKE)
        return by + (max(spends - spends * self.budget // tokens, 1) << larger)

    def _less(self, by: int, tokens: int) -> int | None:
        """Loosening in proportion, to twice as much at most."""
        spends = self.budget - by
        return by - max(min(spends * self.budget // max(tokens, 1) - spends, spends), 1) if self.loosens else None

    def _between(self, short: tuple[int, int], enough: tuple[int, int]) -> int | None:
        """Where the budget should lie between what was not enough and what was."""
        (below, above), (by, tokens) = short, enough
        if by - below < 2:
            return None
        share = (above - self.budget) / max(above - tokens, 1)
        return min(max(below + round((by - below) * share), below + 1), by - 1)
