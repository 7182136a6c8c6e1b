"""What candidates of a chat model add to the judgement of groups beside those of our own generators.

The network of the trust model learned "other" generators from sets that hold none of ours, where agreement among them
is all there is. Beside our own a chat model would weigh as much as both of them together, although a small one is right
less often than either. So its candidates are left out of the network's counts of support, and add log-odds of their
own, fitted on candidates of a 0.5B model (benchmarks/training/chat_support.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ..select.base import Executed
    from .features import GroupFacts

__all__ = ["OWN_GENERATORS", "WITHOUT_MODEL", "find_outside", "support_logits"]

WITHOUT_MODEL = frozenset(("phrases.v1", "sketch.v1"))
OWN_GENERATORS = WITHOUT_MODEL | {"learned.v1"}
# Log-odds of a group that a small chat model and one of our generators found ("agreed" in
# benchmarks/results/chat_support.json, rounded). A group that only the model found competes by what its query explains
# of the question. Log-odds for those too gain 0.8 points on databases left out (76.2 % right against 75.4, one question
# of 126), but come out too high on public benchmarks, which such models were trained on: for that reason there are
# none.
_AGREED = 1.4


def find_outside(executed: Sequence[Executed]) -> frozenset[int]:
    """Indices of the candidates of chat models and plug-ins; empty where no generator without a model has a result."""
    names = [one.candidate.generator.partition("#")[0] for one in executed]
    if not any(name in WITHOUT_MODEL and one.result is not None for name, one in zip(names, executed, strict=True)):
        return frozenset()
    return frozenset(place for place, name in enumerate(names) if name not in OWN_GENERATORS)


def support_logits(groups: Sequence[GroupFacts], outside: frozenset[int]) -> NDArray[np.float64]:
    """Log-odds of each group, float64 (n_groups,); `outside` as `find_outside` gives it."""
    found = np.zeros(len(groups))
    for place, group in enumerate(groups):
        if 0 < len(outside.intersection(group.members)) < len(group.members):
            found[place] = _AGREED
    return found
