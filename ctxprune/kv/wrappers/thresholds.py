"""Thresholds on the importance of tokens that follow the input: the importance, and the small learned heads."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.functional import normalize

from ctxprune.errors import UsageError
from ctxprune.kv.model.files import ModelFile
from ctxprune.kv.model.layer_modules import LayerModules
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from torch import Tensor

    from ctxprune.kv.reading.view import LayerView

__all__ = ["Evidence", "Thresholds", "measure_evidence"]

_FEATURES = 6
_SHARES = 257  # grid of kept shares; halves, quarters and eighths are points of it
_FLOOR = 0.01  # of the mean relevance: the logarithm of tokens without any stays finite
_BLOCK = 256  # tokens at a time: bounds the memory of (tokens, tokens) cosines


@dataclass(frozen=True)
class Evidence:
    """What a threshold is set on, for the context's tokens of one layer.

    Attributes:
        relevance: Logarithm of a token's score as a multiple of its head's mean, float32 (batch, kv_heads, n): 0 for
            all tokens where scores are flat, and far below 0 for most where few tokens have it all.
        distinct: 1 - the highest cosine of a token's value with an earlier token's, 0..1, (batch, kv_heads, n): 0 for
            a repetition.
        features: (batch, 6), mean over heads: entropy of the scores as a share of its maximum, share of the scores in
            the top tenth of tokens, mean and deviation of `distinct`, length, whether there is a question.
    """

    relevance: Tensor
    distinct: Tensor
    features: Tensor


def measure_evidence(view: LayerView, scores: Tensor) -> Evidence:
    """The evidence of a layer whose rows have no padding, from a press's scores (batch, kv_heads, tokens or more)."""
    shares = _normalise(scores[..., : view.tokens].float())
    count = shares.shape[-1]
    distinct = 1 - _redundancy(view.values[..., : view.tokens, :].float())
    entropy = torch.special.entr(shares).sum(dim=-1) / max(math.log(count), 1e-9)
    tenth = shares.topk(max(count // 10, 1), dim=-1).values.sum(dim=-1)
    spread = distinct.std(dim=-1, correction=0)
    found = torch.stack([entropy, tenth, distinct.mean(dim=-1), spread], dim=-1).mean(dim=1)
    rest = found.new_tensor([math.log(count) / 10, float(view.question > 0)]).expand(len(found), 2)
    relevance = (shares * count).clamp(min=0).add(_FLOOR).log()
    return Evidence(relevance, distinct, torch.cat([found, rest], dim=-1))


class LayerThreshold(nn.Module):  # type: ignore[misc]
    """The head of one layer: a token's margin is relevance + mix * distinct - threshold(features).

    Args:
        width: Hidden units of the threshold's network.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = nn.Parameter(torch.zeros(()))
        self.inner = nn.Linear(_FEATURES, width)
        self.outer = nn.Linear(width, 1)
        # Training starts from one threshold for all layers and inputs.
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, evidence: Evidence) -> Tensor:
        """Margins, float32 (batch, kv_heads, n)."""
        threshold = self.outer(torch.tanh(self.inner(evidence.features)))
        return evidence.relevance + self.mix * evidence.distinct - threshold[:, :, None]


class Thresholds(LayerModules):
    """One `LayerThreshold` for each layer, with the cut-offs of margins at which a share of tokens is kept on average
    over the texts it was calibrated on.

    Args:
        layers: Indices of the layers.
        width: Hidden units of each head, 1 or more.
        seed: Random seed of the hidden units.

    Raises:
        UsageError: There is no layer, or a number is out of its range.
    """

    format = ModelFile(
        "thresholds",
        "ctxprune-kv-thresholds",
        1,
        ("layers", "width"),
        "load them with the model they were trained with",
    )

    def __init__(self, layers: Iterable[int], width: int = 8, *, seed: int = 0) -> None:
        check_whole("width", width, minimum=1)
        super().__init__(layers, partial(LayerThreshold, width), seed=seed)
        self.width = width
        # NaN until calibrated.
        self.register_buffer("cutoffs", torch.full((_SHARES,), math.nan))

    @property
    def calibrated(self) -> bool:
        """Whether cut-offs are known."""
        cutoffs: Any = self.cutoffs
        return not bool(cutoffs.isnan().any())

    def margins(self, layer: int, evidence: Evidence) -> Tensor:
        """Margins of a layer's tokens, float32 (batch, kv_heads, n), higher = keep.

        Raises:
            UsageError: There is no threshold for the layer.
        """
        if str(layer) not in self.by_layer:
            raise UsageError(
                "the thresholds are not this model's", where=f"layer {layer}", hint="Thresholds.load(path, model)"
            )
        found: Tensor = self.by_layer[str(layer)].to(evidence.relevance.device)(evidence)
        return found

    def calibrate(self, margins: Iterable[Tensor]) -> None:
        """Set the cut-offs from the margins of texts, each (layers, heads, tokens) or of any shape whose last axis is
        tokens; every text has the same weight. A head's highest token counts as kept at any cut-off, as it is.

        Raises:
            UsageError: There are none.
        """
        texts = [each.detach().float().cpu() for each in margins]
        if not texts or not all(each.numel() for each in texts):
            raise UsageError("there are no margins to calibrate with", hint="some texts of one token or more")
        above = max(float(each.max()) for each in texts) + 1
        texts = [each.scatter(-1, each.argmax(dim=-1, keepdim=True), above).flatten() for each in texts]
        pooled = torch.cat(texts)
        weights = torch.cat([torch.full((len(each),), 1 / len(each), dtype=torch.float64) for each in texts])
        order = pooled.argsort(descending=True)
        reached = weights[order].cumsum(dim=0) / len(texts)
        # Shares of thousands of tokens add up with an error of their own.
        wanted = torch.linspace(0, 1, _SHARES, dtype=torch.float64) - 1e-9
        at = torch.searchsorted(reached, wanted).clamp(max=len(pooled) - 1)
        self.cutoffs: Tensor = pooled[order][at]

    def cutoff(self, share: float) -> float:
        """The margin from which on tokens are kept, for a share to keep on average, 0..1.

        Raises:
            UsageError: The thresholds are not calibrated.
        """
        if not self.calibrated:
            raise UsageError("the thresholds are not calibrated", hint="train_thresholds(model, press, samples)")
        place = min(max(share, 0.0), 1.0) * (_SHARES - 1)
        low = int(place)
        above, below = float(self.cutoffs[low]), float(self.cutoffs[min(low + 1, _SHARES - 1)])
        return above + (below - above) * (place - low)

    def save(self, path: str | Path, model: nn.Module, **notes: Any) -> None:
        """Write them to one safetensors file, for this model alone; on an error no partial file is left.

        Args:
            path: The file; its folder must exist.
            model: The model that they were trained with.
            notes: JSON-safe values to keep with them, such as the press and the recipe.

        Raises:
            InputError: The file cannot be written.
        """
        self.write(path, model, notes, width=self.width)

    @classmethod
    def load(cls, path: str | Path, model: nn.Module) -> Thresholds:
        """Read saved thresholds for the model they were saved with.

        Raises:
            InputError: There is no such file, or it was saved for another model.
            FormatError: It is truncated, damaged, or of another format or version.
        """
        return cls.read(path, model)

    @classmethod
    def read_sizes(cls, tensors: Mapping[str, Tensor], layer: int) -> dict[str, int]:
        """The hidden units of a layer; raises KeyError where its tensors are missing."""
        return {"width": tensors[f"by_layer.{layer}.inner.bias"].numel()}


def _normalise(scores: Tensor) -> Tensor:
    """Scores of each head shifted to start at 0, and divided by their sum; equal shares where all are equal."""
    finite = scores.isfinite() | scores.isnan()
    high = scores.masked_fill(~finite, -math.inf).amax(dim=-1, keepdim=True)
    low = scores.masked_fill(~finite, math.inf).amin(dim=-1, keepdim=True)
    scores = torch.where(finite, scores, torch.where(scores > 0, high, low)).nan_to_num(
        nan=math.nan, posinf=0.0, neginf=0.0
    )
    # Presses mark a window or sinks by one value above all others, which would outweigh every other token.
    highest = scores.amax(dim=-1, keepdim=True)
    tied = scores == highest
    second = scores.masked_fill(tied, -math.inf).amax(dim=-1, keepdim=True)
    scores = torch.where(tied & (tied.sum(dim=-1, keepdim=True) > 1) & second.isfinite(), second, scores)
    scores = scores - scores.amin(dim=-1, keepdim=True)
    total = scores.sum(dim=-1, keepdim=True)
    return torch.where(total == 0, 1 / scores.shape[-1], scores / total.clamp(min=1e-30))


def _redundancy(values: Tensor) -> Tensor:
    """The highest cosine of each token's value with an earlier one's, 0..1, (batch, kv_heads, n); 0 for the first."""
    # Values carry no positions: a text that comes twice has like values, while its keys are turned apart.
    directions = normalize(values, dim=-1)
    count = directions.shape[-2]
    found = directions.new_zeros(directions.shape[:-1])
    places = torch.arange(count, device=values.device)
    for start in range(0, count, _BLOCK):
        own = places[start : start + _BLOCK]
        end = int(own[-1]) + 1
        cosines = directions[..., own, :] @ directions[..., :end, :].transpose(-1, -2)
        earlier = places[:end] < own[:, None]
        found[..., own] = cosines.masked_fill(~earlier, 0.0).amax(dim=-1)
    return found.clamp(0, 1)
