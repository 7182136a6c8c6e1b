"""A model as it was read from a folder, and how it takes its input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from torch import nn

from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.models.cards import Card
from ctxprune.shrink.model.tasks.base import Task
from ctxprune.storage.sealed import parse_json

__all__ = ["Encoded", "InputFormat", "Loaded", "read_json", "read_tokenizer"]

_PADS = ("[PAD]", "<pad>", "<|endoftext|>", "</s>")


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of one row, which segment each is of, and whether some of it had to be cut off."""

    ids: list[int]
    types: list[int]
    cut: bool


@dataclass(frozen=True)
class InputFormat:
    """A tokenizer with a model's input settings.

    Attributes:
        tokenizer: Its own truncation and padding are not used, and not changed.
        limit: Tokens of the longest input, special tokens among them.
        pad: Id that short rows are filled up with.
        segments: Whether the model takes token_type_ids.
    """

    tokenizer: Tokenizer
    limit: int = 512
    pad: int = 0
    segments: bool = True

    @classmethod
    def of_folder(cls, folder: str | Path) -> InputFormat:
        """Of a local model folder with tokenizer.json and config.json.

        Raises:
            InputError: One of the two is missing, or the tokenizer is damaged.
            FormatError: The configuration is damaged.
        """
        place = Path(folder)
        config = read_json(place / "config.json")
        if not isinstance(config, dict):
            raise FormatError("the configuration is no JSON object", where=str(place / "config.json"))
        tokenizer = read_tokenizer(place / "tokenizer.json")
        known = [found for name in _PADS if (found := tokenizer.token_to_id(name)) is not None]
        own = (tokenizer.padding or {}).get("pad_id")
        # configuration, tokenizer, then a known name: the first that says anything
        pad = next((entry for entry in (config.get("pad_token_id"), own, *known) if isinstance(entry, int)), 0)
        limit = config.get("max_position_embeddings", 512)
        if config.get("model_type") in ("camembert", "roberta", "xlm-roberta"):
            limit -= pad + 1  # their places are counted from behind the id of padding
        return cls(tokenizer, limit, pad, segments=config.get("type_vocab_size", 0) > 1)

    def pairs(self, rows: Sequence[tuple[str, str]], tokens: int) -> list[Encoded]:
        """Question and passage each as one input, in the order and with the marks that the tokenizer's own model has.

        The longer of the two loses its end where both are longer than `tokens`, which is 8 up to the model's limit.
        """
        return self._encoded(rows, tokens)

    def texts(self, rows: Sequence[str], tokens: int) -> list[Encoded]:
        """Single texts; errors as `pairs`."""
        return self._encoded(rows, tokens)

    def _encoded(self, rows: Sequence[Any], tokens: int) -> list[Encoded]:
        if not 8 <= tokens <= self.limit:
            raise UsageError(f"tokens is {tokens}", hint=f"give 8 to {self.limit}, which is the model's longest input")
        own = Tokenizer.from_str(self.tokenizer.to_str())  # cutting is set on the object itself
        own.no_padding()
        own.enable_truncation(tokens, strategy="longest_first")
        return [Encoded(entry.ids, entry.type_ids, bool(entry.overflowing)) for entry in own.encode_batch(list(rows))]


@dataclass(frozen=True)
class Loaded:
    """A model with its task, input format and origin.

    Attributes:
        model: In evaluation mode, float32, on the CPU.
        task: What it does.
        kind: One of `ctxprune.shrink.io.loading.KINDS`, or "pruner".
        form: Tokenizer, longest input and padding.
        folder: Where it was read.
        inside: The folder in it that has the weights; "" for itself.
        origin: The configuration of the model before it was ever shrunk, as plain values; of a pruner its manifest.
        card: Licence and base model, from the folder.
    """

    model: nn.Module
    task: Task
    kind: str
    form: InputFormat
    folder: Path
    inside: str = ""
    origin: Mapping[str, Any] = field(default_factory=dict)
    card: Card = field(default_factory=Card)

    def with_model(self, model: nn.Module) -> Loaded:
        """The same with another model: a smaller one of the same origin."""
        return replace(self, model=model)

    def file_bytes(self) -> int:
        """Of the files of weights in its folder: what is packed or shared is there once."""
        place = self.folder / self.inside
        return sum(path.stat().st_size for end in ("safetensors", "onnx") for path in place.glob(f"*.{end}"))


def read_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer of a model's folder; an `InputError` where the file is missing or damaged."""
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the tokenizers package raises bare Exception
        hint = "copy the file anew"
        if not path.is_file():
            hint = "transformers writes it: AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)"
        where = f"{path.parent.name}/{path.name}"
        raise InputError(f"the tokenizer cannot be read ({error})", where=where, hint=hint) from error


def read_json(path: Path) -> Any:
    """A JSON file of a model's folder; an `InputError` where it is missing, a `FormatError` where it is damaged."""
    try:
        return parse_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        hint = "a model's folder has config.json, model.safetensors and tokenizer.json"
        raise InputError("a file of the model is missing", where=str(path), hint=hint) from error
    except ValueError as error:
        raise FormatError("a file of the model is damaged", where=str(path), hint="copy the file anew") from error
