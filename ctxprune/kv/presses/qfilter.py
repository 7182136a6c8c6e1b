"""Q-Filters: keys projected on the main direction of a head's queries, which is learned once for each model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from ctxprune.errors import FormatError, UsageError
from ctxprune.kv.model.files import ModelFile, model_fingerprint, tensor_digest
from ctxprune.kv.presses.base import Press
from ctxprune.utils.validation import describe_type

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from torch import Tensor, nn

    from ctxprune.kv.reading.view import LayerView

__all__ = ["QFilter", "QFilters", "learn_filters"]

_FILE = ModelFile("filters", "ctxprune-qfilters", 1, (), "learn_filters(model, batches) makes its own")


@dataclass(frozen=True, eq=False)
class QFilters:
    """One direction for each head of keys, learned by `learn_filters`.

    Attributes:
        directions: float32 (layers with full attention, kv_heads, head_dim), each pointing away from the head's mean
            query, so that keys along it get least attention.
        model: The fingerprint of their model; "" where it is unknown.
    """

    directions: Tensor
    model: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.directions, torch.Tensor) or self.directions.ndim != 3:
            raise UsageError("filters have another shape", hint="a tensor (layers, kv_heads, head_dim)")

    @property
    def digest(self) -> str:
        """sha256 of the directions, first 16 hex digits."""
        return tensor_digest([self.directions])

    def save(self, path: str | Path) -> None:
        """Write them to one safetensors file; on an error no partial file is left.

        Raises:
            InputError: The file cannot be written.
        """
        _FILE.write(path, self.model, {}, {"directions": self.directions.float()})

    @classmethod
    def load(cls, path: str | Path, model: nn.Module) -> QFilters:
        """Read saved filters back for the model that they were learned on.

        Raises:
            InputError: There is no such file, or it belongs to another model.
            FormatError: It is truncated, damaged, or of another format or version.
        """
        about, tensors = _FILE.read(path, model)
        if "directions" not in tensors:
            raise FormatError("a part of the filters is missing", where=str(path), hint="save them again")
        return cls(tensors["directions"], about["model"])


@dataclass(frozen=True)
class QFilter(Press):
    """Scores a token by the negative projection of its key on the head's filter (Godey et al., "Q-Filters: Leveraging
    Query-Key Geometry for Efficient Key-Value Cache Compression", arXiv:2503.02812). Attention is not used; the filters
    of a model are learned once, from any text, by `learn_filters`.

    Attributes:
        filters: The model's filters; scoring without them raises UsageError.

    Raises:
        UsageError: The ratio is out of its range, or the filters are something else.
    """

    ratio_free: ClassVar[bool] = True
    learned: ClassVar[bool] = True
    filters: QFilters | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.filters is not None and not isinstance(self.filters, QFilters):
            raise UsageError(
                f"filters is {describe_type(self.filters)}", hint="QFilters.load(path, model), or learn_filters"
            )

    @property
    def query_window(self) -> int:
        """0: scores need no queries."""
        return 0

    def score(self, view: LayerView) -> Tensor:
        """-(filter . k), (batch, kv_heads, n).

        Raises:
            UsageError: There are no filters, or they are for a model of other sizes.
        """
        if self.filters is None:
            raise UsageError(
                "this press needs filters of the model", hint="QFilter(ratio, learn_filters(model, batches of ids))"
            )
        directions = self.filters.directions
        expected = (view.layers, view.kv_heads, view.head_dim)
        if tuple(directions.shape) != expected:
            raise UsageError(
                f"the filters are {tuple(directions.shape)}, this model has {expected} (layers, kv heads, head dim)",
                hint="learn_filters(model, batches) makes those of this model",
            )
        own = directions[view.order].to(view.keys.device, torch.float32)
        return -(view.keys.float() * own[:, None]).sum(dim=-1)


def learn_filters(model: nn.Module, batches: Iterable[Tensor]) -> QFilters:
    """Learn the filters of a model: for each query head the first singular direction of its queries after the rotary
    embedding, with the sign that points away from their mean, averaged over the heads that share keys.

    Args:
        model: A decoder of transformers.
        batches: Token ids of any text, each (batch, n), without padding; a few thousand tokens are enough.

    Raises:
        UsageError: There are no ids, or the model is not supported.
    """
    from ctxprune.kv.reading.prefill import prefill

    products: list[Tensor] = []  # by layer, (heads, d, d): Q'Q, whose eigenvectors are the singular directions of Q
    sums: list[Tensor] = []
    heads = 1
    for ids in batches:
        views = prefill(model, ids).views
        heads = views[0].kv_heads
        with torch.no_grad():
            # In double precision, as products are summed over thousands of tokens.
            queries = [view.queries().double().transpose(0, 1).flatten(1, 2) for view in views]
        squares = [each.transpose(-1, -2) @ each for each in queries]
        totals = [each.sum(dim=1) for each in queries]
        products = squares if not products else [one + two for one, two in zip(products, squares, strict=True)]
        sums = totals if not sums else [one + two for one, two in zip(sums, totals, strict=True)]
    if not products:
        raise UsageError("there are no ids to learn filters from", hint="some batches of token ids, (batch, n) each")
    found = []
    for product, total in zip(products, sums, strict=True):
        # Eigenvalues ascend: the last vector is the main direction.
        first = torch.linalg.eigh(product).eigenvectors[..., -1]
        along = (first * total).sum(dim=-1, keepdim=True)
        away = torch.where(along > 0, -first, first)
        found.append(away.view(heads, -1, away.shape[-1]).mean(dim=1))
    return QFilters(torch.stack(found).float().cpu(), model_fingerprint(model))
