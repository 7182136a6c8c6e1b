"""How much less than its budget a policy must be given so that the text rendered of its choice fits, tags and all."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Fitting"]

_PATIENCE = 16  # rounds in proportion, before by ever more: in trials 14 were the most that was needed
_FULL = 0.97  # of the budget; a text that fills so much is not worth another round
_FILLING = 4  # rounds in which to fill a budget better, once a text fits


@dataclass
class Fitting:
    """Narrows down the least tightening that is enough, from what the rendered texts take.

    Attributes:
        budget: Tokens that the text may take.
        short: The most tightening that was not enough, and the tokens of its text.
        enough: The least that was, and likewise; None before there is one.
    """

    budget: int
    short: tuple[int, int] = (0, 0)
    enough: tuple[int, int] | None = None
    _rounds: int = field(default=0, init=False)
    _filled: int = field(default=0, init=False)

    def following(self, by: int, tokens: int) -> int | None:
        """What to try after `by`, whose text took so many tokens; None if that is the end, since `enough` is."""
        self._rounds += 1
        if tokens <= self.budget:
            self.enough = (by, tokens)
        else:
            self.short = (by, tokens)
        return self._more() if self.enough is None else self._less(*self.enough)

    def _more(self) -> int:
        """Tightening in proportion: the text is taken to shrink as what the policy may spend does."""
        by, tokens = self.short
        step = self.budget - by - (self.budget - by) * self.budget // tokens
        return by + (max(step, 1) << max(0, self._rounds - _PATIENCE))

    def _less(self, by: int, tokens: int) -> int | None:
        """Between what was not enough and what was, where the budget should lie."""
        self._filled += 1
        below, above = self.short
        if self._filled > _FILLING or tokens >= _FULL * self.budget or by - below < 2:
            return None
        share = (above - self.budget) / max(above - tokens, 1)
        return min(max(below + round((by - below) * share), below + 1), by - 1)
