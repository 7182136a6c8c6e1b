"""The pruner as a torch module: the encoder of all-MiniLM-L6-v2 with two heads that compare tokens with the question.

The first states of a sentence encoder are made for comparing texts by their mean vectors. The heads go on from there:
a token's logit is a learned linear function of its state plus its similarity to the mean state of the question, so that
the mean over a unit's tokens is a cosine of unit and question at the start, and what training makes of it later.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.storage.sealed import parse_json
from ctxprune.train.tensor_files import read_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ACTIVATIONS",
    "ACTIVE",
    "HEADS",
    "EncoderShape",
    "LayerShape",
    "PrunerNetwork",
    "bfloat16_encoder",
    "load_base",
    "mean_logits",
]

ACTIVATIONS = ("gelu", "relu")
"""What may stand between both matrices of a feed-forward part."""
ACTIVE = {"gelu": functional.gelu, "relu": functional.relu}
"""The same as functions."""

HEADS = ("linear", "match", "scale")
"""How the names of parameters begin that are not the encoder's."""


@dataclass(frozen=True, slots=True)
class LayerShape:
    """Sizes of one layer.

    Attributes:
        heads: Of its attention; with 0 it has none, and the norm after it stays.
        inner: Neurons of its feed-forward part; with 0 it has none, and the norm after it stays.
    """

    heads: int = 12
    inner: int = 1536


@dataclass(frozen=True, slots=True)
class EncoderShape:
    """Sizes of the encoder; the defaults are those of all-MiniLM-L6-v2.

    Attributes:
        vocabulary: Pieces.
        positions: Most tokens of a window.
        width: Of a token's state.
        size: Of a head; heads times size need not be the width.
        layers: Each layer's own sizes.
        activation: Of the feed-forward parts, one of `ACTIVATIONS`.

    Raises:
        UsageError: A size is under 1, a layer's under 0, or the activation is unknown.
    """

    vocabulary: int = 30522
    positions: int = 512
    width: int = 384
    size: int = 32
    layers: tuple[LayerShape, ...] = (LayerShape(),) * 6
    activation: str = "gelu"

    def __post_init__(self) -> None:
        if min(self.vocabulary, self.positions, self.width, self.size) < 1:
            raise UsageError("vocabulary, positions, width and size are from 1 up", where=repr(self))
        if any(min(layer.heads, layer.inner) < 0 for layer in self.layers):
            raise UsageError("heads and inner sizes of layers are from 0 up", where=repr(self))
        if self.activation not in ACTIVATIONS:
            raise UsageError(f"activation is {self.activation!r}", hint=f"give one of: {', '.join(ACTIVATIONS)}")

    @classmethod
    def uniform(cls, *, layers: int = 6, heads: int = 12, inner: int = 1536, **others: Any) -> EncoderShape:
        """So many layers of one shape; `others` as the class takes them, `size` is width / heads where it is not given.

        Raises:
            UsageError: As the class, or the width is no multiple of the heads and no size is given.
        """
        width = others.get("width", cls().width)
        if "size" not in others:
            if heads < 1 or width % heads:
                raise UsageError(f"a width of {width} in {heads} heads", hint="give the size of a head")
            others["size"] = width // heads
        return cls(layers=(LayerShape(heads, inner),) * layers, **others)

    def to_dict(self) -> dict[str, Any]:
        """As plain numbers, lists and words."""
        return asdict(self) | {"layers": [[layer.heads, layer.inner] for layer in self.layers]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> EncoderShape:
        """What `to_dict` gave.

        Raises:
            FormatError: It is something else.
        """
        try:
            return cls(**{**data, "layers": tuple(LayerShape(*pair) for pair in data["layers"])})
        except (KeyError, TypeError, UsageError) as error:
            raise FormatError(f"not the shape of an encoder ({error})", hint="train it anew") from error


class _Layer(nn.Module):
    def __init__(self, shape: EncoderShape, own: LayerShape) -> None:
        super().__init__()
        self.heads, self.size, self.dropout, self.activation = own.heads, shape.size, 0.0, shape.activation
        mixed = own.heads * shape.size
        if own.heads:
            self.attention = nn.Linear(shape.width, 3 * mixed)
            self.output = nn.Linear(mixed, shape.width)
        self.attention_norm = nn.LayerNorm(shape.width, eps=1e-12)
        self.neurons = own.inner
        if own.inner:
            self.inner = nn.Linear(shape.width, own.inner)
            self.outer = nn.Linear(own.inner, shape.width)
        self.norm = nn.LayerNorm(shape.width, eps=1e-12)

    def forward(self, states: Tensor, bias: Tensor) -> Tensor:
        added = states + self._dropped(self.output(self.mixed(states, bias))) if self.heads else states
        states = self.attention_norm(added)
        if self.neurons:
            states = states + self._dropped(self.outer(ACTIVE[self.activation](self.inner(states))))
        return self.norm(states)

    def mixed(self, states: Tensor, bias: Tensor) -> Tensor:
        """What the heads take from the states: (windows, tokens, heads * size), one head after the other."""
        rows, tokens, _ = states.shape
        split = self.attention(states).view(rows, tokens, 3, self.heads, self.size)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        # Written out: on CPUs its backward pass is faster than that of the fused form at these sizes.
        weights = torch.softmax((query * self.size**-0.5) @ key.transpose(-1, -2) + bias, dim=-1)
        return (weights @ value).transpose(1, 2).reshape(rows, tokens, self.heads * self.size)

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
        self.layers = nn.ModuleList(_Layer(self.shape, own) for own in self.shape.layers)
        self.linear = nn.Linear(width, 2)
        self.match = nn.Linear(width, 2 * width, bias=False)
        self.scale = nn.Parameter(torch.full((2,), 10.0))
        with torch.no_grad():
            nn.init.normal_(self.linear.weight, std=0.02)
            # most units are not needed: the start is near that rate, and the first steps do not go into finding it
            self.linear.bias.fill_(-5.0)
            # the identity: at first a token is compared with the question as the sentence encoder would
            self.match.weight.copy_(torch.cat([torch.eye(width)] * 2))

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of keeping and of relevance for every token; those of padding mean nothing."""
        return self.logits(self.states(ids, types, mask)[-1].float(), types, mask)

    def states(self, ids: Tensor, types: Tensor, mask: Tensor) -> list[Tensor]:
        """States (windows, tokens, width) before the first layer and after each."""
        states = self.embedded(ids, types)
        bias = self.bias(mask, states.dtype)
        found = [states]
        for layer in self.layers:
            found.append(layer(found[-1], bias))
        return found

    def embedded(self, ids: Tensor, types: Tensor) -> Tensor:
        """States before the first layer."""
        places = torch.arange(ids.shape[1], device=ids.device)
        return self.embedding_norm(self.words(ids) + self.places(places)[None] + self.types(types))

    @staticmethod
    def bias(mask: Tensor, kind: torch.dtype) -> Tensor:
        """What is added to attention before it is made to sum to 1: -10000 for padding, (windows, 1, 1, tokens)."""
        return ((1 - mask[:, None, None, :]) * -1e4).to(kind)

    def logits(self, states: Tensor, types: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The heads alone."""
        asked = ((1 - types) * mask)[..., None].to(states.dtype)
        question = (states * asked).sum(1) / asked.sum(1)
        wanted = self.match(question).view(-1, 2, self.shape.width)
        wanted = wanted / wanted.norm(dim=-1, keepdim=True)
        tokens = states / states.norm(dim=-1, keepdim=True)
        both = self.linear(states) + self.scale * (tokens @ wanted.transpose(1, 2))
        return both[..., 0], both[..., 1]


def mean_logits(logits: Tensor, index: Tensor, count: int) -> Tensor:
    """Mean of the token logits of each unit: (count,); `index` as in `Batch.unit`."""
    flat, places = logits.reshape(-1).float(), index.reshape(-1)
    chosen = places >= 0
    sums = torch.zeros(count).index_add_(0, places[chosen], flat[chosen])
    sizes = torch.zeros(count).index_add_(0, places[chosen], torch.ones_like(flat[chosen]))
    return sums / sizes.clamp(min=1)


def load_base(folder: Path, shape: EncoderShape | None = None) -> PrunerNetwork:
    """The network with the encoder of a BERT model in Hugging Face's layout (`model.safetensors`, `config.json`).

    Args:
        folder: Of the model.
        shape: Of the network; default: the model's own.

    Raises:
        InputError: A file cannot be read, or the model is no BERT of that shape.
    """
    try:
        config: dict[str, Any] = parse_json((folder / "config.json").read_text(encoding="utf-8"))
        weights = read_tensors(folder / "model.safetensors")[0]
        shape = shape or EncoderShape.uniform(
            vocabulary=config["vocab_size"],
            positions=config["max_position_embeddings"],
            width=config["hidden_size"],
            heads=config["num_attention_heads"],
            inner=config["intermediate_size"],
            layers=config["num_hidden_layers"],
        )
        return _from_bert(shape, weights)
    except Exception as error:  # as many kinds as there are other models
        raise InputError(
            f"the base model cannot be read ({type(error).__name__}: {error})",
            where=str(folder),
            hint="give a folder with config.json and model.safetensors of a BERT model",
        ) from error


def bfloat16_encoder(network: PrunerNetwork) -> dict[str, Tensor]:
    """Copies of the encoder's parameters in bfloat16, by name, for one forward pass; gradients reach the originals."""
    # copies, so that the optimiser keeps float32; autocast would go to float32 and back around every softmax and norm
    return {name: value.bfloat16() for name, value in network.named_parameters() if not name.startswith(HEADS)}


def _from_bert(shape: EncoderShape, weights: Mapping[str, Tensor]) -> PrunerNetwork:
    network = PrunerNetwork(shape)
    given = {name.removeprefix("bert."): value.float() for name, value in weights.items()}
    state = {
        "words.weight": given["embeddings.word_embeddings.weight"],
        "places.weight": given["embeddings.position_embeddings.weight"],
        "types.weight": given["embeddings.token_type_embeddings.weight"],
        "embedding_norm.weight": given["embeddings.LayerNorm.weight"],
        "embedding_norm.bias": given["embeddings.LayerNorm.bias"],
    }
    for number in range(len(shape.layers)):
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
