"""The pruner as a torch module: the encoder of all-MiniLM-L6-v2 with two heads that compare tokens with the question.

The first states of a sentence encoder are made for comparing texts by their mean vectors. The heads go on from there:
a token's logit is a learned linear function of its state plus its similarity to the mean state of the question, so that
the mean over a unit's tokens is a cosine of unit and question at the start, and what training makes of it later.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["HEADS", "EncoderShape", "PrunerNetwork", "load_base", "pooled"]

HEADS = ("linear", "match", "scale")
"""How the names of parameters begin that are not the encoder's."""


@dataclass(frozen=True, slots=True)
class EncoderShape:
    """Sizes of the encoder; the defaults are those of all-MiniLM-L6-v2."""

    vocabulary: int = 30522
    positions: int = 512
    width: int = 384
    heads: int = 12
    inner: int = 1536
    layers: int = 6

    def to_dict(self) -> dict[str, int]:
        """As plain numbers."""
        return asdict(self)


class _Layer(nn.Module):
    def __init__(self, shape: EncoderShape) -> None:
        super().__init__()
        self.heads, self.dropout = shape.heads, 0.0
        self.attention = nn.Linear(shape.width, 3 * shape.width)
        self.output = nn.Linear(shape.width, shape.width)
        self.attention_norm = nn.LayerNorm(shape.width, eps=1e-12)
        self.inner = nn.Linear(shape.width, shape.inner)
        self.outer = nn.Linear(shape.inner, shape.width)
        self.norm = nn.LayerNorm(shape.width, eps=1e-12)

    def forward(self, states: Tensor, bias: Tensor) -> Tensor:
        rows, tokens, width = states.shape
        split = self.attention(states).view(rows, tokens, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        # Written out: on CPUs its backward pass is faster than that of the fused form at these sizes.
        weights = torch.softmax((query * (width // self.heads) ** -0.5) @ key.transpose(-1, -2) + bias, dim=-1)
        mixed = (weights @ value).transpose(1, 2).reshape(rows, tokens, width)
        states = self.attention_norm(states + self._dropped(self.output(mixed)))
        return self.norm(states + self._dropped(self.outer(functional.gelu(self.inner(states)))))

    def _dropped(self, states: Tensor) -> Tensor:
        """The same places dropped at every token (Gal and Ghahramani 2016): other masks cost a quarter of a step."""
        if not (self.training and self.dropout):
            return states
        kept = functional.dropout(torch.ones_like(states[:, :1]), self.dropout)
        return states * kept


class PrunerNetwork(nn.Module):
    """ids, types and mask, int64 (windows, tokens), in; keep and relevance logits, float32 (windows, tokens), out.

    Types are 0 for the question with what stands around it and 1 for the rest; mask is 1 for tokens, 0 for padding.
    """

    def __init__(self, shape: EncoderShape | None = None) -> None:
        super().__init__()
        self.shape = shape or EncoderShape()
        width = self.shape.width
        self.words = nn.Embedding(self.shape.vocabulary, width, padding_idx=0)
        self.places = nn.Embedding(self.shape.positions, width)
        self.types = nn.Embedding(2, width)
        self.embedding_norm = nn.LayerNorm(width, eps=1e-12)
        self.layers = nn.ModuleList(_Layer(self.shape) for _ in range(self.shape.layers))
        self.linear = nn.Linear(width, 2)
        self.match = nn.Linear(width, 2 * width, bias=False)
        self.scale = nn.Parameter(torch.full((2,), 10.0))
        with torch.no_grad():
            nn.init.normal_(self.linear.weight, std=0.02)
            self.linear.bias.fill_(-5.0)
            self.match.weight.copy_(torch.cat([torch.eye(width)] * 2))

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of keeping and of relevance for every token; those of padding mean nothing."""
        places = torch.arange(ids.shape[1], device=ids.device)
        states = self.embedding_norm(self.words(ids) + self.places(places)[None] + self.types(types))
        bias = ((1 - mask[:, None, None, :]) * -1e4).to(states.dtype)
        for layer in self.layers:
            states = layer(states, bias)
        return self.logits(states.float(), types, mask)

    def logits(self, states: Tensor, types: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The heads alone."""
        asked = ((1 - types) * mask)[..., None].to(states.dtype)
        question = (states * asked).sum(1) / asked.sum(1)
        wanted = self.match(question).view(-1, 2, self.shape.width)
        wanted = wanted / wanted.norm(dim=-1, keepdim=True)
        tokens = states / states.norm(dim=-1, keepdim=True)
        both = self.linear(states) + self.scale * (tokens @ wanted.transpose(1, 2))
        return both[..., 0], both[..., 1]


def pooled(logits: Tensor, index: Tensor, count: int) -> Tensor:
    """Mean of the token logits of each unit: (count,); `index` as in `Batch.unit`."""
    flat, places = logits.reshape(-1).float(), index.reshape(-1)
    chosen = places >= 0
    sums = torch.zeros(count).index_add_(0, places[chosen], flat[chosen])
    sizes = torch.zeros(count).index_add_(0, places[chosen], torch.ones_like(flat[chosen]))
    return sums / sizes.clamp(min=1)


def load_base(folder: Path, shape: EncoderShape | None = None) -> PrunerNetwork:
    """The network with the encoder of a BERT model in Hugging Face's layout (`model.safetensors`, `config.json`)."""
    from safetensors.torch import load_file

    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    shape = shape or EncoderShape(
        config["vocab_size"],
        config["max_position_embeddings"],
        config["hidden_size"],
        config["num_attention_heads"],
        config["intermediate_size"],
        config["num_hidden_layers"],
    )
    network = PrunerNetwork(shape)
    given = {
        name.removeprefix("bert."): value.float() for name, value in load_file(folder / "model.safetensors").items()
    }
    state = {
        "words.weight": given["embeddings.word_embeddings.weight"],
        "places.weight": given["embeddings.position_embeddings.weight"],
        "types.weight": given["embeddings.token_type_embeddings.weight"],
        "embedding_norm.weight": given["embeddings.LayerNorm.weight"],
        "embedding_norm.bias": given["embeddings.LayerNorm.bias"],
    }
    for number in range(shape.layers):
        old, new = f"encoder.layer.{number}", f"layers.{number}"
        for part in ("weight", "bias"):
            names = (f"{old}.attention.self.{name}.{part}" for name in ("query", "key", "value"))
            state[f"{new}.attention.{part}"] = torch.cat([given[name] for name in names])
            for here, there in _NAMES.items():
                state[f"{new}.{here}.{part}"] = given[f"{old}.{there}.{part}"]
    # Sentence encoders have seen type 0 alone; the second one starts as its equal.
    state["types.weight"] = state["types.weight"][:1].repeat(2, 1)
    network.load_state_dict(state, strict=False)
    return network


_NAMES = {
    "output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "inner": "intermediate.dense",
    "outer": "output.dense",
    "norm": "output.LayerNorm",
}
