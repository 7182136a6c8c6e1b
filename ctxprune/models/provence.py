"""Checkpoints of Provence and OpenProvence from a local folder: a ranking score, and keep or drop for every token.

Two layouts are known, from the code that trained the published models; each is a folder with `config.json`,
`tokenizer.json` and safetensors (one file, or several with their index):

- Provence and XProvence (Chirkova, Formal, Nikoulina and Clinchant, ICLR 2025; naver/bergen): `config.json` holds the
  encoder's settings; weights `deberta.*` with `pooler.*`, or `roberta.*` with its pooler; two linear heads,
  `classifier` on the pooled first token and `token_classifier` on every token, class 1 = keep.
- OpenProvence (hotchpotch/open_provence): `config.json` holds the encoder's settings as `base_model_config`; weights
  `ranking_model.*` of a sequence classifier, or the same without that prefix, and `pruning_head.classifier` on its last
  layer, class 1 = keep. Any encoder that transformers knows.

Everything else is a `FormatError` that says what was missing. No Python file of the folder is ever run; weights in a
pickle are refused. The licence of weights is the caller's matter: the published Provence weights are CC BY-NC,
those of OpenProvence MIT. Needs transformers and torch (extra `embedding`), imported when a model is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from ctxprune.errors import FormatError, InputError
from ctxprune.storage.sealed import parse_json
from ctxprune.utils.extras import require
from ctxprune.utils.foreign import foreign_attribute

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ctxprune.models.windows import Window

__all__ = ["ProvenceModel", "TokenModel", "load_provence"]

_LIMIT, _LEAST = 512, 64
_CLASSIFIER, _ENCODER = "AutoModelForSequenceClassification", "AutoModel"  # of transformers
_POSITIONS_AFTER_PADDING = frozenset({"camembert", "roberta", "xlm-roberta"})
_OF_THE_FILE = frozenset(
    {"_name_or_path", "architectures", "auto_map", "dtype", "model_type", "torch_dtype", "transformers_version"}
)


@runtime_checkable
class TokenModel(Protocol):
    """What reads a window `first question between text last` and judges its tokens.

    Attributes:
        limit: Most tokens of a window, at least 64.
        first, between, last: Token ids that stand around question and text.
    """

    limit: int
    first: Sequence[int]
    between: Sequence[int]
    last: Sequence[int]

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without special tokens."""
        ...

    def run(self, windows: Sequence[Window]) -> list[tuple[NDArray[np.float32], float]]:
        """For each window the probability of keeping each token, float32 (n_tokens,), and its relevance, 0 to 1."""
        ...


@dataclass(frozen=True)
class _Network:
    encoder: Any
    keep: tuple[Any, Any]  # weight (2, width) and bias (2,)
    rank: tuple[Any, Any] | None  # of the pooled first token; None where the encoder has its own


class ProvenceModel:
    """A loaded checkpoint (`TokenModel`). Safe to share between threads.

    Args:
        folder: Of the checkpoint.
        device: torch's name of the device.

    Raises:
        InputError: A file is missing.
        FormatError: A file is damaged, or the layout is none that is known.
        MissingExtraError: torch or transformers is not installed.
    """

    def __init__(self, folder: Path, *, device: str = "cpu") -> None:
        self._torch = require("torch", "embedding")
        self.first: Sequence[int]
        self.between: Sequence[int]
        self.last: Sequence[int]
        config = _read_json(folder / "config.json")
        self._network = _build_network(config, _read_weights(folder), folder, device)
        settings = self._network.encoder.config
        self._device = device
        self._padding = int(foreign_attribute(settings, "pad_token_id") or 0)
        self._types = foreign_attribute(settings, "type_vocab_size", default=0) > 1
        self.limit = _find_limit(config, settings, folder)
        self._tokenizer = _load_tokenizer(folder)
        self.first, self.between, self.last = _find_specials(
            self._tokenizer, folder, single=self._network.rank is not None
        )

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without special tokens."""
        return [entry.ids for entry in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    def run(self, windows: Sequence[Window]) -> list[tuple[NDArray[np.float32], float]]:
        """See `TokenModel`; all windows in one batch, padded to the longest."""
        torch, network = self._torch, self._network
        longest = max(len(window.ids) for window in windows)
        # Padded to the longest of the batch; the mask keeps padding out of the attention.
        ids = np.full((len(windows), longest), self._padding, dtype=np.int64)
        mask, types = np.zeros_like(ids), np.zeros_like(ids)
        for row, window in enumerate(windows):
            ids[row, : len(window.ids)], mask[row, : len(window.ids)] = window.ids, 1
            types[row, window.question : len(window.ids)] = 1
        given = {"input_ids": ids, "attention_mask": mask} | ({"token_type_ids": types} if self._types else {})
        linear = torch.nn.functional.linear
        with torch.inference_mode():
            tensors = {name: torch.from_numpy(array).to(self._device) for name, array in given.items()}
            output = network.encoder(**tensors, output_hidden_states=True, return_dict=True)
            # In double precision, so that a probability depends on its batch as little as can be.
            keep = torch.softmax(linear(output.hidden_states[-1], *network.keep).double(), dim=-1)[..., 1]
            logits = output.logits if network.rank is None else linear(output.pooler_output, *network.rank)
            relevance = torch.sigmoid(logits[:, 0].double())
        kept, found = keep.cpu().numpy().astype(np.float32), relevance.cpu().tolist()
        return [(kept[row, : len(window.ids)], found[row]) for row, window in enumerate(windows)]


def load_provence(folder: str | Path, *, device: str = "cpu") -> ProvenceModel:
    """The checkpoint in a folder, loaded once a process; errors as `ProvenceModel`."""
    return _load(str(folder), device)


@lru_cache(maxsize=2)
def _load(folder: str, device: str) -> ProvenceModel:
    return ProvenceModel(Path(folder), device=device)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = parse_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            "a file of the checkpoint is missing", where=str(path), hint="name the folder of a Provence checkpoint"
        ) from error
    except ValueError as error:
        raise FormatError("a file of the checkpoint is damaged", where=str(path)) from error
    if not isinstance(document, dict):
        raise FormatError("a file of the checkpoint is damaged", where=str(path))
    return document


def _read_weights(folder: Path) -> dict[str, Any]:
    """All tensors of the folder, as float32."""
    library = require("safetensors.torch", "embedding")
    index = folder / "model.safetensors.index.json"
    names = ["model.safetensors"]
    if index.is_file():
        names = sorted({str(name) for name in (_read_json(index).get("weight_map") or {}).values()})
    tensors: dict[str, Any] = {}
    for name in names:
        # The last part of the name only: an index must not point outside of its folder.
        path = folder / Path(name).name
        if not path.is_file():
            hint = "save it with safe_serialization=True" if (folder / "pytorch_model.bin").is_file() else ""
            raise InputError("the weights of the checkpoint are missing", where=str(path), hint=hint)
        try:
            tensors |= library.load_file(path)
        except Exception as error:  # of safetensors, which has no base but this one
            raise FormatError(f"the weights cannot be read ({error})", where=str(path)) from error
    return {name: tensor.float() for name, tensor in tensors.items()}


def _build_network(config: Mapping[str, Any], weights: dict[str, Any], folder: Path, device: str) -> _Network:
    if "pruning_head.classifier.weight" in weights:
        network = _open_provence(config, weights, str(folder))
    elif "token_classifier.weight" in weights:
        network = _provence(config, weights, str(folder))
    else:
        raise FormatError(
            "the checkpoint has no head for tokens",
            where=str(folder),
            hint="known are token_classifier (Provence) and pruning_head.classifier (OpenProvence)",
        )

    def moved(head: tuple[Any, Any] | None) -> Any:
        return None if head is None else tuple(tensor.to(device) for tensor in head)

    return _Network(network.encoder.to(device), moved(network.keep), moved(network.rank))


def _open_provence(config: Mapping[str, Any], weights: dict[str, Any], where: str) -> _Network:
    keep = _take_head(weights, "pruning_head.classifier", where)
    rest = {name.removeprefix("ranking_model."): tensor for name, tensor in weights.items()}
    rest = {name: tensor for name, tensor in rest.items() if not name.startswith("pruning_head.")}
    base = config.get("base_model_config")
    if not isinstance(base, dict):
        raise FormatError("config.json has no base_model_config", where=where)
    if (config.get("num_labels") or 1) != 1:
        raise FormatError(f"num_labels is {config['num_labels']!r}", where=where, hint="one score of ranking")
    settings = {**base, "num_labels": 1}
    return _Network(_build_encoder(_CLASSIFIER, str(base.get("model_type")), settings, rest, where), keep, None)


def _provence(config: Mapping[str, Any], weights: dict[str, Any], where: str) -> _Network:
    keep = _take_head(weights, "token_classifier", where)
    rank = _take_head(weights, "classifier", where)
    if any(name.startswith("roberta.") for name in weights):
        rest = {name.removeprefix("roberta."): tensor for name, tensor in weights.items()}
        return _Network(_build_encoder(_ENCODER, "xlm-roberta", config, rest, where), keep, rank)
    # transformers' own classifier puts the same layers upon the encoder.
    whole = {**weights, "classifier.weight": rank[0], "classifier.bias": rank[1]}
    settings = {**config, "num_labels": 1}
    return _Network(_build_encoder(_CLASSIFIER, "deberta-v2", settings, whole, where), keep, None)


def _take_head(weights: dict[str, Any], name: str, where: str) -> tuple[Any, Any]:
    """Takes a linear layer out of `weights`."""
    try:
        weight, bias = weights.pop(f"{name}.weight"), weights.pop(f"{name}.bias")
    except KeyError as error:
        raise FormatError(f"the checkpoint has no {error.args[0]}", where=where) from error
    wanted, hint = (1, "one score of ranking") if name == "classifier" else (2, "two classes: drop and keep")
    if weight.ndim != 2 or len(weight) != wanted:
        raise FormatError(f"{name} has the shape {tuple(weight.shape)}", where=where, hint=hint)
    return weight, bias


def _build_encoder(
    kind: str, model_type: str, settings: Mapping[str, Any], weights: Mapping[str, Any], where: str
) -> Any:
    """A network of transformers' own classes with these weights, all of which must have a place."""
    library = require("transformers", "embedding")
    own = {name: value for name, value in settings.items() if name not in _OF_THE_FILE and "attn_impl" not in name}
    labels = own.pop("num_labels", None)
    if labels is not None:  # the names of labels say their number, too
        own = {name: value for name, value in own.items() if name not in ("id2label", "label2id")} | {
            "num_labels": labels
        }
    try:
        config = library.AutoConfig.for_model(model_type, **own)
        # The head for tokens reads the last layer as it was in training: before a norm that may stand after it.
        config.tie_last_hidden_states = False
        network = foreign_attribute(library, kind).from_config(config)
        lacking = network.load_state_dict(dict(weights), strict=False)
    except Exception as error:  # as many kinds as there are wrong settings
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise FormatError(f"the encoder {model_type!r} cannot be made ({reason[:200]})", where=where) from error
    # Older checkpoints store the positions, which newer encoders compute.
    surplus = [name for name in lacking.unexpected_keys if not name.endswith("position_ids")]
    if lacking.missing_keys or surplus:
        what = f"lack {lacking.missing_keys[0]!r}" if lacking.missing_keys else f"have no place for {surplus[0]!r}"
        raise FormatError(f"the weights and the encoder {model_type!r} do not match: they {what}", where=where)
    return network.eval()


def _find_limit(config: Mapping[str, Any], settings: Any, folder: Path) -> int:
    positions = int(foreign_attribute(settings, "max_position_embeddings") or _LIMIT)
    if settings.model_type in _POSITIONS_AFTER_PADDING:
        positions -= int(settings.pad_token_id or 0) + 1
    trained = config.get("max_length") if "base_model_config" in config else None
    limit = min(_LIMIT, positions, int(trained or _LIMIT))
    if limit < _LEAST:
        raise FormatError(f"the checkpoint reads {limit} tokens at once", where=str(folder), hint=f"needs {_LEAST}")
    return limit


def _load_tokenizer(folder: Path) -> Any:
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if not path.is_file():
        raise InputError("the checkpoint's tokenizer.json is missing", where=str(path), hint="save the fast tokenizer")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises plain Exception
        raise FormatError(f"the checkpoint's tokenizer cannot be read ({error})", where=str(path)) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _find_specials(tokenizer: Any, folder: Path, *, single: bool) -> tuple[list[int], list[int], list[int]]:
    """What stands before the question, between question and text, and at the end.

    As the tokenizer joins a pair (where `single`, with one separator, as XProvence was trained), else from the names of
    its special tokens.
    """
    pair = tokenizer.encode("a", "a")
    places = {which: [at for at, part in enumerate(pair.sequence_ids) if part == which] for which in (0, 1)}
    if places[0] and places[1]:
        first = pair.ids[: places[0][0]]
        between = pair.ids[places[0][-1] + 1 : places[1][0]]
        if first and between:
            return first, between[-1:] if single else between, pair.ids[places[1][-1] + 1 :]
    names: dict[str, Any] = {}
    for file in ("tokenizer_config.json", "special_tokens_map.json"):
        names |= _read_json(folder / file) if (folder / file).is_file() else {}
    start, end = (
        _find_id(tokenizer, names, kinds) for kinds in (("cls_token", "bos_token"), ("sep_token", "eos_token"))
    )
    if start is None or end is None:
        raise FormatError("the checkpoint's tokenizer names no special tokens", where=str(folder))
    return [start], [end], [end]


def _find_id(tokenizer: Any, names: Mapping[str, Any], kinds: Sequence[str]) -> int | None:
    tokens = [name.get("content") if isinstance(name, dict) else name for name in map(names.get, kinds)]
    found = [tokenizer.token_to_id(token) for token in tokens if isinstance(token, str)]
    return next((number for number in found if number is not None), None)
