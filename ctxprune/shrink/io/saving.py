"""Shrunk models in folders: weights as safetensors, a manifest from which any shape is built again, nothing pickled.

Where every layer has one size, `from_pretrained` reads the folder as it stands, too. Where not, its config.json says so
to whoever tries, for transformers would fill in what it lacks with random weights.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ctxprune.errors import FormatError, InputError
from ctxprune.shrink.io.companions import copy_companions
from ctxprune.shrink.io.loaded import Loaded
from ctxprune.shrink.io.manifest import FORMAT, MANIFEST, VERSION, WEIGHTS, build_model, file_digest, rebuild_model
from ctxprune.shrink.io.model_card import CARD, is_own_card, render_card
from ctxprune.shrink.io.packing import pack_hashed, pack_tensors
from ctxprune.shrink.io.staging import PART, stage_files
from ctxprune.shrink.model.families import family_of
from ctxprune.shrink.model.modules import custom_modules
from ctxprune.shrink.model.shared import shared_weights
from ctxprune.shrink.model.tasks.yes_no import YesNo
from ctxprune.storage.sealed import seal

__all__ = ["check_folder", "save_model"]


def save_model(
    loaded: Loaded, folder: str | Path, *, report: Mapping[str, Any] | None = None, pack: bool = False
) -> Path:
    """Write a model with its tokenizer and manifest, whole or not at all; `load_model` reads it back as it is.

    Args:
        loaded: What `load_model` gave, with the smaller model.
        folder: Made if it is not there; what else is in it stays, a README.md of somebody else's, too.
        report: Plain values that are kept in the manifest; README.md shows some (`ctxprune.shrink.io.model_card`).
        pack: Whether matrices with zeros are stored as bits and values (`ctxprune.shrink.io.packing`): smaller on disk,
            and for `load_model` alone.

    Raises:
        InputError: The folder cannot be written, or has another model in it.
        FormatError: The model has a part that no manifest can hold.
    """
    place = Path(folder)
    # before anything is written: the folder that is read from must stay readable
    check_folder(place, loaded.folder)
    with stage_files(place, loaded.model) as part:
        if is_own_card(place):
            card = render_card(place.name, loaded.kind, loaded.card, report or {})
            (part / CARD).write_text(card, encoding="utf-8")
        if loaded.kind == "pruner":
            _write_pruner(loaded, part)
            return place
        (part / loaded.inside).mkdir(parents=True, exist_ok=True)
        copy_companions(loaded, part)
        manifest = _write(loaded, part / loaded.inside, dict(report or {}), pack=pack)
        # read back before it replaces anything: a model that cannot be loaded again is not written
        _same(rebuild_model(part / loaded.inside, manifest), loaded.model, place)
        # what else is read back: tokenizer, pooling and settings
        paths = (path for path in part.rglob("*") if path.is_file() and path.name not in (CARD, WEIGHTS))
        manifest["files"] = {path.relative_to(part).as_posix(): file_digest(path) for path in sorted(paths)}
        (part / MANIFEST).write_text(seal(manifest, indent=1) + "\n", encoding="utf-8")
    return place


def _write_pruner(loaded: Loaded, part: Path) -> None:
    """A model folder as `ctxprune.models.pruner` reads it: the graph in float32, and how scores are made of logits."""
    from ctxprune.shrink.io.export_pruner import write_pruner_manifest
    from ctxprune.train.export import export_float

    network: Any = loaded.model
    export_float(network, part / "model.onnx")
    (part / "tokenizer.json").write_text(loaded.form.tokenizer.to_str(pretty=True), encoding="utf-8")
    write_pruner_manifest(loaded, part)


def _write(loaded: Loaded, folder: Path, report: dict[str, Any], *, pack: bool) -> dict[str, Any]:
    from safetensors.torch import save_file

    model: Any = loaded.model
    config, name = _plain(model.config), type(model).__name__
    whole = build_model(name, loaded.origin, config)
    before = family_of(whole).describe(whole)  # without its experts a mixture is of another family
    left = {(entry.layer, entry.kind) for entry in family_of(model).describe(model).sublayers}
    dropped = [[entry.layer, entry.kind] for entry in before.sublayers if (entry.layer, entry.kind) not in left]
    tensors = _tensors(model)
    pack_hashed(model, tensors)
    stored, shapes = pack_tensors(tensors) if pack else (tensors, {})
    try:
        save_file(stored, folder / WEIGHTS, metadata={"format": "pt"})
    except Exception as error:  # safetensors has errors of its own for what the system refuses
        raise OSError(None, str(error), WEIGHTS) from error
    # otherwise the configuration gets a type of its own, so that from_pretrained fails instead of filling in
    uniform = not dropped and not shapes and _is_plain(model, name, config)
    said = config | {"architectures": [name]} | ({} if uniform else {"model_type": FORMAT})
    (folder / "config.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    return {
        "format": FORMAT,
        "version": VERSION,
        "kind": loaded.kind,
        "answers": asdict(loaded.task) if isinstance(loaded.task, YesNo) else {},
        "class": name,
        "uniform": uniform,
        "dropped": dropped,
        "packed": shapes,
        "parts": [list(entry) for entry in custom_modules(model).values()],
        "shared": shared_weights(model),
        "sha256": file_digest(folder / WEIGHTS),
        "licence": loaded.card.licence,
        "base_model": loaded.card.base,
        "source": loaded.card.source,
        "origin": loaded.origin,
        "config": config,
        "report": report,
    }


def _plain(config: Any) -> dict[str, Any]:
    """A configuration as JSON has it."""
    return json.loads(json.dumps(config.to_dict() | {"model_type": config.model_type}, default=str))


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    """Each tensor of the state once, whatever shares it."""
    # safetensors refuses two names for one storage
    found: dict[int, tuple[str, Tensor]] = {}
    for name, value in model.state_dict(keep_vars=True).items():
        found.setdefault(id(value), (name, value.detach().clone().contiguous()))
    return dict(found.values())


def check_folder(place: Path, source: Path) -> None:
    """Refuse a folder that has another model in it, or the model that is read."""
    if place.is_dir() and place.resolve() == source.resolve():
        raise InputError("the model that is read is not written over", where=str(place), hint="name another folder")
    other = (place / WEIGHTS).exists() and not (place / MANIFEST).exists() and (place / "config.json").exists()
    # a save that was killed left its folder of parts, and the manifest was to come last
    if other and not list(place.glob(f"{PART}*")):
        raise InputError("the folder has another model in it", where=str(place), hint="name another folder")


def _is_plain(model: nn.Module, name: str, config: Mapping[str, Any]) -> bool:
    """Whether the configuration alone makes a model of these shapes."""
    try:
        return not list(_differences(build_model(name, config, config), model))
    except Exception:  # noqa: BLE001 -- transformers refuses such sizes in many ways
        return False


def _same(found: nn.Module, model: nn.Module, where: Path) -> None:
    for text in _differences(found, model):
        raise FormatError(f"the model would not be read back as it is ({text})", where=str(where))
    wanted, read = model.state_dict(), found.state_dict()
    for name, value in wanted.items():
        if not value.equal(read[name]):
            raise FormatError(f"{name} would not be read back as it is", where=str(where))


def _differences(found: nn.Module, model: nn.Module) -> Iterable[str]:
    """Where two models differ in modules, shapes or attributes of modules."""
    pairs = zip(found.named_modules(), model.named_modules(), strict=False)
    if len(list(found.modules())) != len(list(model.modules())):
        yield "other modules"
        return
    for (path, one), (own, other) in pairs:
        if path != own or type(one) is not type(other) or _facts(one) != _facts(other):
            facts = sorted(name for name, _ in _facts(one).items() ^ _facts(other).items())
            yield f"{own or 'the model'}: {type(other).__name__} {', '.join(dict.fromkeys(facts))}".strip()
            return


def _facts(module: nn.Module) -> dict[str, Any]:
    # numbers that a module holds beside its weights, such as its count of heads, change what it computes
    numbers = {
        name: value
        for name, value in vars(module).items()
        # the size of a vocabulary is that of its table
        if isinstance(value, (bool, int, float)) and name not in ("training", "vocab_size") and name[0] != "_"
    }
    return numbers | {name: value.shape for name, value in module._parameters.items() if value is not None}
