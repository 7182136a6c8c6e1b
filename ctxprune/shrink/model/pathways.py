"""What a row or token goes through, chosen at run time: masks by task or domain, and experts that are skipped.

`Choosing` stands where the word embeddings stood and says which pathway each row takes; the other modules compute with
that pathway's neurons or weights alone. A caller who knows the domain chooses by `choose_pathway`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from ctxprune.errors import UsageError

__all__ = ["Choosing", "ChosenNeurons", "Masked", "Skipping", "choose_pathway", "link_pathways", "mean_states"]


class CustomModule(nn.Module):
    """A module of ours in the place of one of the model, built around that one from settings that are attributes."""

    setting_names: ClassVar[tuple[str, ...]] = ()

    def settings(self) -> dict[str, Any]:
        """What `around` needs."""
        return {name: getattr(self, name) for name in self.setting_names}

    @classmethod
    def around(cls, module: Any, **settings: Any) -> Self:
        """In the place of a module, with weights that are to be filled in."""
        return cls(module, **settings)


class Choosing(CustomModule, nn.Embedding):
    """Word embeddings that choose each row's pathway: the centre nearest to the mean of the row's embeddings.

    Args:
        table: The embeddings as they were; the weights are shared.
        paths: How many pathways there are.
        pad: Id that is left out of the mean.
        pinned: Number of the pathway that all rows take; -1 = the nearest one.
    """

    centres: Tensor
    setting_names = ("paths", "pad", "pinned")

    def __init__(self, table: nn.Embedding, *, paths: int, pad: int, pinned: int = -1) -> None:
        super().__init__(*table.weight.shape, table.padding_idx, device="meta")
        self.weight = table.weight
        self.pad, self.pinned, self.paths = pad, pinned, paths
        self.register_buffer("centres", table.weight.detach().new_zeros(paths, table.weight.shape[1]))
        self.choice: Tensor | None = None
        self._continued = False  # whether the model goes on with a text that is in its cache

    def forward(self, ids: Tensor) -> Tensor:
        """int64 (rows, tokens) to (rows, tokens, width)."""
        states: Tensor = super().forward(ids)
        continued, self._continued = self._continued, False  # it holds for one forward of the model
        if self.pinned >= 0:
            self.choice = torch.full((len(ids),), self.pinned, device=ids.device)
        # while a text is written token by token it stays on the pathway of its prompt
        elif not continued or self.choice is None or len(self.choice) != len(ids):
            means = mean_states(states.detach(), ids != self.pad)
            self.choice = torch.cdist(means, self.centres.to(means)).argmin(1)
        return states

    def follow_cache(self, cache: Any) -> None:
        """Before a forward of the model: whether its cache (None = it has none) holds the text's beginning."""
        self._continued = cache is not None and cache.get_seq_length() > 0


class _OnPathway(CustomModule):
    """A module whose rows take pathways; `chooser` holds the model's `Choosing`, set by `link_pathways`."""

    kept: Tensor
    chooser: tuple[Choosing, ...] = ()  # in a tuple, or it would be a module of this one, too

    def settings(self) -> dict[str, Any]:
        """What `around` needs."""
        return {"paths": len(self.kept), **super().settings()}

    def rows(self, states: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Each pathway that is taken, with the numbers of the rows that take it."""
        choice = self.chooser[0].choice if self.chooser else None
        if choice is None or len(choice) != len(states):
            raise UsageError("rows have no pathway", hint="the model has to read token ids, one row a text")
        for path in choice.unique().tolist():
            yield path, (choice == path).nonzero().flatten()


class ChosenNeurons(_OnPathway):
    """A gated feed-forward part that computes each pathway's neurons alone (SEAP).

    Args:
        inner: The part as it was: `gate_proj`, `up_proj`, `down_proj` and `act_fn`.
        paths: How many pathways there are; `kept` says which neurons each has: bool (paths, neurons).
        share: Of the neurons those that a row meets, on the mean; costs are counted by it.
    """

    setting_names = ("share",)

    def __init__(self, inner: Any, *, paths: int, share: float = 1.0) -> None:
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj = inner.gate_proj, inner.up_proj, inner.down_proj
        self.act_fn, self.share = inner.act_fn, share
        self.intermediate_size = inner.down_proj.weight.shape[1]
        where = inner.down_proj.weight.device
        self.register_buffer("kept", torch.ones(paths, self.intermediate_size, dtype=torch.bool, device=where))

    def forward(self, states: Tensor) -> Tensor:
        """(rows, tokens, width) of the same shape."""
        result = torch.zeros_like(states)
        for path, rows in self.rows(states):
            places = self.kept[path].nonzero().flatten()
            own = states[rows]
            inner = self.act_fn(apply_rows(self.gate_proj, own, places)) * apply_rows(self.up_proj, own, places)
            down = functional.linear(inner, self.down_proj.weight[:, places], self.down_proj.bias)
            result = result.index_copy(0, rows, down)
        return result


class Masked(_OnPathway, nn.Linear):
    """A linear module with a mask over its weights for each pathway (Dynamic ASR Pathways).

    Args:
        inner: The module as it was; the weights are shared.
        paths: How many pathways there are; `kept` says which weights each has: bool (paths, outputs, inputs).
    """

    def __init__(self, inner: nn.Linear, *, paths: int) -> None:
        nn.Linear.__init__(self, inner.in_features, inner.out_features, bias=False, device="meta")
        self.weight, self.bias = inner.weight, inner.bias
        where = inner.weight.device
        self.register_buffer("kept", torch.ones(paths, *inner.weight.shape, dtype=torch.bool, device=where))

    def forward(self, states: Tensor) -> Tensor:
        """(rows, …, inputs) to (rows, …, outputs)."""
        parts = list(self.rows(states))
        results = [functional.linear(states[rows], self.weight * self.kept[path], self.bias) for path, rows in parts]
        return torch.cat(results)[torch.cat([rows for _, rows in parts]).argsort()]


class Skipping(CustomModule):
    """A router of experts that leaves out those whose weight is far below the first one's (Lu and others, ACL 2024).

    Args:
        router: As it was: softmax over all experts, then the `top_k` highest.
        beta: An expert is skipped where its weight is below beta times the first one's; at 0 nothing is.
        share: Of the experts that a token went through those that are left, measured; costs are counted by it.
    """

    setting_names = ("beta", "share")

    def __init__(self, router: Any, beta: float, share: float) -> None:
        super().__init__()
        self.weight = router.weight
        self.top_k, self.num_experts, self.hidden_dim = router.top_k, router.num_experts, router.hidden_dim
        self.norm_topk_prob = bool(vars(router).get("norm_topk_prob", True))  # Mixtral's router always does
        self.beta, self.share = beta, share

    def forward(self, states: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(…, width) to logits (tokens, experts), and weights and numbers of the experts taken, (tokens, top_k)."""
        logits = functional.linear(states.reshape(-1, self.hidden_dim), self.weight)
        values, places = torch.softmax(logits.float(), dim=-1).topk(self.top_k, dim=-1)
        skipped = values < self.beta * values[:, :1]
        values = values.masked_fill(skipped, 0.0)
        if self.norm_topk_prob:
            values = values / values.sum(-1, keepdim=True)
        # one past the last expert is what transformers computes nothing for
        return logits, values.to(logits.dtype), places.masked_fill(skipped, self.num_experts)


def apply_rows(linear: Any, states: Tensor, places: Tensor | slice) -> Tensor:
    """Some of the outputs of a linear module."""
    return functional.linear(states, linear.weight[places], None if linear.bias is None else linear.bias[places])


def mean_states(states: Tensor, real: Tensor) -> Tensor:
    """The mean over real tokens: (rows, tokens, width) and bool (rows, tokens) to (rows, width); of none zero."""
    share = real.to(states) / real.sum(1, keepdim=True).clamp(min=1)
    return (states * share[..., None]).sum(1)


def link_pathways(model: nn.Module) -> None:
    """Tell every module on a pathway where its rows' choice is made; nothing where there are none."""
    choosers = [module for module in model.modules() if isinstance(module, Choosing)]
    for module in model.modules():
        # the module that holds the embeddings is the one that is given the cache, however the model is called
        own = any(isinstance(child, Choosing) for child in module.children())
        if own and _tell_cache not in module._forward_pre_hooks.values():
            module.register_forward_pre_hook(_tell_cache, with_kwargs=True)
    for module in model.modules():
        if isinstance(module, _OnPathway):
            module.chooser = tuple(choosers[:1])


def _tell_cache(module: nn.Module, _: Any, named: Mapping[str, Any]) -> None:
    """A forward hook: it stands at module level, so that a copy of the model does not hold on to the original."""
    for child in module.children():
        if isinstance(child, Choosing):
            # the second name is that of releases before 5.2x
            child.follow_cache(named.get("cache", named.get("past_key_values")))


def choose_pathway(model: nn.Module, number: int | None) -> None:
    """All rows take one pathway from now on; with None each takes the nearest again.

    Args:
        model: With pathways.
        number: From 0 up, as the report's notes number tasks or domains.

    Raises:
        UsageError: The model has no pathways, or not so many.
    """
    for module in model.modules():
        if isinstance(module, Choosing):
            if number is not None and not 0 <= number < module.paths:
                raise UsageError(f"pathway {number} of {module.paths}", hint=f"give 0 to {module.paths - 1}, or None")
            module.pinned = -1 if number is None else number
            return
    raise UsageError("the model has no pathways", hint="make some with the recipe pathways or seap_runtime")
