"""Modules of our own where one of the model stood: factors, shared numbers, routed feed-forward parts, mapped words.

They keep the names of what they hold, so that families describe a model with them as they did before, and say by a few
numbers how they are built again from a manifest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ctxprune.errors import FormatError
from ctxprune.shrink.model import pathways
from ctxprune.shrink.model.multiplexed import Multiplexed
from ctxprune.shrink.model.pathways import ChosenNeurons, CustomModule, apply_rows


class Factorised(CustomModule):
    """A linear module as two: y = second(first(x)).

    Args:
        inputs, rank, outputs: Sizes.
        bias: Whether the second one has a bias.
    """

    def __init__(self, inputs: int, rank: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, rank, bias=False)
        self.second = nn.Linear(rank, outputs, bias=bias)

    @property
    def weight(self) -> Tensor:
        """The product: (outputs, inputs)."""
        return self.second.weight.detach() @ self.first.weight.detach()

    @property
    def bias(self) -> Tensor | None:
        """Of the second one."""
        return self.second.bias

    def forward(self, states: Tensor) -> Tensor:
        """(…, inputs) to (…, outputs)."""
        result: Tensor = self.second(self.first(states))
        return result

    def settings(self) -> dict[str, Any]:
        """What `around` needs."""
        return {"rank": self.first.out_features, "bias": self.second.bias is not None}

    @classmethod
    def around(cls, module: Any, **settings: Any) -> Self:
        """In the place of a linear module, with weights that are to be filled in."""
        return cls(module.in_features, outputs=module.out_features, **settings)


class Routed(CustomModule):
    """A gated feed-forward part whose neurons are experts: each token goes through some of them.

    Args:
        inner: The part as it was: `gate_proj`, `up_proj`, `down_proj` and `act_fn`, its neurons sorted by expert.
        experts: How many, of equal sizes within one neuron.
        top: Experts that a token goes through; with all of them the outputs are those of the part as it was.
    """

    def __init__(self, inner: Any, experts: int, top: int) -> None:
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj = inner.gate_proj, inner.up_proj, inner.down_proj
        self.act_fn = inner.act_fn
        self.router = nn.Linear(inner.gate_proj.in_features, experts)
        self.count, self.top = experts, top  # a family of real experts knows them by an attribute `experts`
        self.intermediate_size = inner.down_proj.weight.shape[1]

    def bounds(self) -> list[tuple[int, int]]:
        """First neuron and end of each expert."""
        count = self.down_proj.weight.shape[1]
        edges = [round(number * count / self.count) for number in range(self.count + 1)]
        return list(pairwise(edges))

    @property
    def share(self) -> float:
        """Of the matrices' elements, those that a token meets, with the router's."""
        held = sum(entry.weight.numel() for entry in (self.gate_proj, self.up_proj, self.down_proj))
        return min(self.top / self.count + self.router.weight.numel() / held, 1.0)

    def forward(self, states: Tensor) -> Tensor:
        """(rows, tokens, width) of the same shape; each expert reads its own tokens alone."""
        # the loop is over experts, not tokens: each does one product for all of its tokens
        flat = states.reshape(-1, states.shape[-1])
        chosen = torch.zeros(len(flat), self.count, dtype=torch.bool, device=flat.device)
        # scores of the router choose alone and do not scale: with all experts the outputs stay what they were
        chosen.scatter_(1, self.router(flat).topk(self.top, dim=1).indices, value=True)
        result = torch.zeros_like(flat)
        for expert, (start, end) in enumerate(self.bounds()):
            rows = chosen[:, expert].nonzero().flatten()
            if len(rows):
                own = slice(start, end)
                inner = self.act_fn(apply_rows(self.gate_proj, flat[rows], own))
                inner = inner * apply_rows(self.up_proj, flat[rows], own)
                result = result.index_add(0, rows, functional.linear(inner, self.down_proj.weight[:, start:end]))
        if self.down_proj.bias is not None:
            result = result + self.down_proj.bias
        return result.view(states.shape)

    def settings(self) -> dict[str, Any]:
        """What `around` needs."""
        return {"experts": self.count, "top": self.top}


class Mapped(CustomModule, nn.Embedding):
    """Word embeddings of which some entries share a row: `rows` says which row an entry reads.

    Args:
        entries: Of the vocabulary as the tokenizer has it.
        rows: Of the table.
        width: Of a row.
    """

    rows: Tensor

    def __init__(self, entries: int, rows: int, width: int) -> None:
        super().__init__(rows, width)
        # a buffer, so that it is saved with the weights and moves with them
        self.register_buffer("rows", torch.zeros(entries, dtype=torch.int32))

    def forward(self, ids: Tensor) -> Tensor:
        """int64 (…) to float (…, width)."""
        result: Tensor = super().forward(self.rows[ids].long())
        return result

    def settings(self) -> dict[str, Any]:
        """What `around` needs."""
        return {"entries": len(self.rows), "rows": self.weight.shape[0]}

    @classmethod
    def around(cls, module: Any, **settings: Any) -> Self:
        """In the place of an embedding."""
        return cls(width=module.weight.shape[1], **settings)


class MappedOutput(CustomModule, nn.Linear):
    """Logits of a vocabulary of which some entries share a row, as `Mapped` reads it; biases are each entry's own.

    Args:
        width: Of a state.
        entries: Of the vocabulary as the tokenizer has it.
        rows: Of the matrix.
        bias: Whether entries have one.
        tied: Whether the matrix is the table of the word embeddings.
    """

    rows: Tensor

    def __init__(self, width: int, entries: int, rows: int, *, bias: bool, tied: bool) -> None:
        super().__init__(width, rows, bias=False)
        self.register_buffer("rows", torch.zeros(entries, dtype=torch.int32))
        if bias:
            self.bias = nn.Parameter(torch.zeros(entries))
        self.tied = tied

    def forward(self, states: Tensor) -> Tensor:
        """(…, width) to (…, entries)."""
        result = functional.linear(states, self.weight)[..., self.rows.long()]
        return result if self.bias is None else result + self.bias

    def settings(self) -> dict[str, Any]:
        """What `around` needs."""
        sizes = {"entries": len(self.rows), "rows": self.weight.shape[0]}
        return {**sizes, "bias": self.bias is not None, "tied": self.tied}

    @classmethod
    def around(cls, module: Any, **settings: Any) -> Self:
        """In the place of a linear module; what is tied gets its matrix from `restore_custom_modules`."""
        return cls(module.in_features, **settings)


class HashedLinear(CustomModule, nn.Linear):
    """A linear module whose weights share numbers: W = signs * values[places], as a seed lays them out.

    The weights are held whole, so that it runs as any other; a file has the values alone. Chunks of neighbours are laid
    together (ROAST), and every number is used as often as another, give or take one (STABLE).

    Args:
        module: Whose parameters these are.
        chunk: Neighbours that are laid together.
        stored: Numbers that there are.
        seed: Of the layout.

    Raises:
        FormatError: A number is out of range.
    """

    setting_names = ("chunk", "stored", "seed")

    def __init__(self, module: nn.Linear, *, chunk: int, stored: int, seed: int) -> None:
        super().__init__(module.in_features, module.out_features, bias=False, device="meta")
        if not 1 <= chunk <= module.weight.numel() or not 1 <= stored <= module.weight.numel():
            raise FormatError(f"{stored} numbers in chunks of {chunk} make no matrix of these sizes")
        self.weight, self.bias = module.weight, module.bias
        self.chunk, self.stored, self.seed = chunk, stored, seed

    def layout(self) -> tuple[Tensor, Tensor]:
        """For each weight, row by row, the place of its number, and its sign."""
        size = self.weight.numel()
        chunks = -(-size // self.chunk)
        # numpy's old generator is frozen, so that a file is laid out alike by all releases to come
        generator = np.random.RandomState(self.seed)
        starts = torch.from_numpy(generator.permutation(chunks)) * self.chunk % self.stored
        signs = torch.from_numpy(generator.randint(0, 2, chunks)).float() * 2 - 1
        places = (starts[:, None] + torch.arange(self.chunk)) % self.stored
        return places.flatten()[:size], signs.repeat_interleave(self.chunk)[:size]

    def share(self, layout: tuple[Tensor, Tensor]) -> None:
        """Make every number the mean of the weights that it stands for; after a step, the mean of their steps, too."""
        places, signs = (part.to(self.weight.device) for part in layout)
        with torch.no_grad():
            sums = self.weight.new_zeros(self.stored).index_add_(0, places, self.weight.flatten() * signs)
            counts = torch.bincount(places, minlength=self.stored).clamp(min=1)
            self.weight.copy_(((sums / counts)[places] * signs).view_as(self.weight))

    def values(self) -> Tensor | None:
        """The numbers that are stored: (stored,); None where the weights are not those of the layout any more."""
        places, signs = self.layout()
        found = torch.zeros(self.stored, dtype=self.weight.dtype)
        found[places] = self.weight.detach().flatten() * signs
        return found if torch.equal(self.spread(found), self.weight) else None

    def spread(self, values: Tensor) -> Tensor:
        """The weights that the numbers make; a `ValueError` where there are not as many as the layout has."""
        if values.shape != (self.stored,):
            raise ValueError(f"{tuple(values.shape)} numbers are not the {self.stored} of the layout")
        places, signs = self.layout()
        return (values[places] * signs).to(values.dtype).view_as(self.weight)


CUSTOM_MODULES: Mapping[str, Any] = {
    "choosing": pathways.Choosing,
    "chosen_neurons": ChosenNeurons,
    "factorised": Factorised,
    "hashed": HashedLinear,
    "mapped": Mapped,
    "mapped_output": MappedOutput,
    "masked": pathways.Masked,
    "multiplexed": Multiplexed,
    "routed": Routed,
    "skipping": pathways.Skipping,
}
"""Every part by the name that it has in a manifest."""


def custom_modules(model: nn.Module) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """By dotted name: the name, the kind and the settings of each part of ours."""
    # by exact type: subclasses could not be built again from these settings
    kinds = {part: kind for kind, part in CUSTOM_MODULES.items()}
    return {
        path: (path, kinds[type(module)], module.settings())
        for path, module in model.named_modules()
        if type(module) in kinds
    }


def restore_custom_modules(model: nn.Module, parts: Sequence[Sequence[Any]]) -> None:
    """Put parts of a manifest in the places of what stands there, weights to be filled in."""
    for path, kind, settings in parts:
        if kind not in CUSTOM_MODULES:
            raise FormatError(f"there is no part {kind!r}", where=str(path), hint="read it with a newer release")
        parent, _, name = path.rpartition(".")
        setattr(model.get_submodule(parent), name, CUSTOM_MODULES[kind].around(model.get_submodule(path), **settings))
    pathways.link_pathways(model)
    owner: Any = model
    for module in model.modules():  # once all are there
        if isinstance(module, MappedOutput) and module.tied:
            module.weight = owner.get_input_embeddings().weight


def active_shares(model: nn.Module) -> dict[str, float]:
    """Of parts with a choice the share of their weights that a token meets, by the beginning of their names."""
    return {
        f"{path}.": module.share
        for path, module in model.named_modules()
        if isinstance(module, (ChosenNeurons, Multiplexed, Routed))
    }


def count_elements(model: nn.Module, path: str, entry: Tensor) -> int:
    """How many numbers a parameter holds; of a factorised matrix both factors'."""
    owner = model.get_submodule(path.rpartition(".")[0])
    if path.endswith(".weight") and isinstance(owner, Factorised):
        return int(owner.first.weight.numel() + owner.second.weight.numel())
    return int(entry.numel())
