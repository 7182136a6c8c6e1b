"""The model folders at hand, and what each says of itself: size, licence, purpose, speed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ctxprune.errors import FormatError, InputError
from ctxprune.models.cards import read_card
from ctxprune.storage.sealed import unseal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Installed", "installed_models", "read_model"]

_PASSAGES, _TOKENS = 10, 200
_ROUNDS = 3
_MANIFESTS = ("manifest.json", "shrunk.json")


@dataclass(frozen=True, slots=True)
class Installed:
    """A model folder.

    Attributes:
        name: As its manifest has it; of a shrunk model the folder's.
        folder: Where it is.
        kind: "pruner", or of a shrunk model "reranker", "embedder" or "decoder".
        megabytes: Of its weights and tokenizer, in 10^6 bytes.
        milliseconds: For 10 passages of 200 tokens on one thread, measured now or as recorded; None where not known.
        licence, base: Of the weights, and what they were made from, as `ctxprune.models.cards` reads it.
        purpose: What it is for, in a sentence.
    """

    name: str
    folder: str
    kind: str
    megabytes: float
    milliseconds: float | None
    licence: str
    base: str
    purpose: str

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def installed_models(folders: Sequence[str | Path] = (), *, measure: bool = False) -> list[Installed]:
    """The models that come with the library, then those of the given folders: each a model or a folder of models.

    Raises:
        InputError: A folder holds no model.
        FormatError: A manifest is damaged.
        MissingExtraError: With `measure`, a package that the model needs is not installed.
    """
    bundled = Path(str(files("ctxprune.models")))
    found = [place for place in sorted(bundled.iterdir()) if _is_model(place)]
    for folder in map(Path, folders):
        inner = sorted(entry for entry in folder.iterdir() if _is_model(entry)) if folder.is_dir() else []
        if not inner and not _is_model(folder):
            raise InputError(
                "the folder holds no model", where=str(folder), hint=f"one that has {' or '.join(_MANIFESTS)}"
            )
        found += [folder] if _is_model(folder) else inner
    return [read_model(place, measure=measure) for place in found]


def read_model(folder: Path, *, measure: bool = False) -> Installed:
    """What one folder says; errors as `installed_models`."""
    shrunk = (folder / "shrunk.json").is_file()
    path = folder / ("shrunk.json" if shrunk else "manifest.json")
    try:
        data = unseal(path.read_bytes(), required=False)
        kind = str(data["kind"]) if shrunk else "pruner"
        recorded = (data.get("report") or {}).get("milliseconds") if shrunk else data.get("milliseconds")
        name = folder.name if shrunk else str(data["name"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError("the model's manifest is damaged", where=str(path)) from error
    card = read_card(folder)
    # Cards and readmes are for people; the size is that of what is loaded.
    sizes = sum(entry.stat().st_size for entry in folder.iterdir() if entry.is_file() and entry.suffix != ".md")
    return Installed(
        name=name,
        folder=str(folder),
        kind=kind,
        megabytes=round(sizes / 1e6, 2),
        milliseconds=_measured(folder, kind) if measure else recorded,
        licence=card.licence,
        base=card.base,
        purpose=card.purpose or (f"a shrunk {kind}" if shrunk else ""),
    )


def _is_model(place: Path) -> bool:
    return place.is_dir() and any((place / name).is_file() for name in _MANIFESTS)


def _measured(folder: Path, kind: str) -> float | None:
    """Median milliseconds of 10 passages of 200 tokens; None of what reads no passages."""
    run = _pruner(folder) if kind == "pruner" else _shrunk(folder, kind)
    if run is None:
        return None
    run()
    taken = []
    for _ in range(_ROUNDS):
        started = perf_counter()
        run()
        taken.append(1000 * (perf_counter() - started))
    return round(median(taken), 1)


def _pruner(folder: Path) -> Callable[[], object]:
    from ctxprune.models.pruner import load_pruner
    from ctxprune.models.windows import Tokens

    model = load_pruner(folder)
    question, text = model.encode(["when did the bridge open", "the bridge opened in 1933 and it is long " * 40])
    windows = [
        window
        for _ in range(_PASSAGES)
        for window in model.windows(question, [Tokens([], [text[: _TOKENS - len(question) - 6]])], "passage")
    ]
    return lambda: [model.run(window) for window in windows]


def _shrunk(folder: Path, kind: str) -> Callable[[], object] | None:
    graph = folder / "onnx" / "model_int8.onnx"
    if kind == "reranker" and graph.is_file():
        from ctxprune.scorers.neural.onnx_cross_encoder import OnnxCrossEncoder

        encoder = OnnxCrossEncoder(graph)
        text = "the bridge opened in 1933 and it is long " * 19
        return lambda: encoder.predict([("when did the bridge open", text)] * _PASSAGES)
    if kind == "decoder":
        return None
    from ctxprune.utils.extras import require

    require("torch", "train")
    from ctxprune.shrink.io.loading import load_model
    from ctxprune.shrink.run.timing import measure_times, timing_batch

    loaded = load_model(folder)
    batch = timing_batch(loaded.model, loaded.form.limit)
    return lambda: measure_times([loaded.model], batch, rounds=1)
