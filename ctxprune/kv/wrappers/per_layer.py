"""A ratio for each layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError
from ctxprune.kv.selection import check_ratio, keep_count
from ctxprune.kv.wrappers.wrapper import Wrapper

if TYPE_CHECKING:
    from ctxprune.kv.reading.view import LayerView

__all__ = ["PerLayer"]


@dataclass(frozen=True)
class PerLayer(Wrapper):
    """Gives every layer its own ratio; the inner press's ratio is not used.

    Attributes:
        ratios: The share to drop in each layer with full attention, in order, each as a press's ratio. Fewer ratios
            than layers are spread over them: (0.3, 0.7) is 0.3 for the first half and 0.7 for the second. `ratio` is
            their mean.

    Raises:
        UsageError: Ratios are out of range or missing; while pressing: there are more of them than layers.
    """

    ratios: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set(ratios=tuple(self.ratios))
        if not self.ratios:
            raise UsageError("PerLayer has no ratios", hint="one for each layer: PerLayer(press, ratios=(0.3, 0.7))")
        for number, ratio in enumerate(self.ratios):
            check_ratio(ratio, f"ratios[{number}]")
        self._set(ratio=sum(self.ratios) / len(self.ratios))

    def budget(self, view: LayerView) -> int:
        """The number of tokens by the layer's own ratio."""
        if len(self.ratios) > view.layers:
            raise UsageError(
                f"there are {len(self.ratios)} ratios for {view.layers} layers",
                hint="only layers with full attention are counted",
            )
        # Integer division spreads the ratios over the layers in equal runs.
        return keep_count(view.read, self.ratios[view.order * len(self.ratios) // view.layers])
