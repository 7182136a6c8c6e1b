"""Recipes: a paper's method as data. Read from TOML, checked, listed; nothing here imports torch.

name = "flap.v1"
title = "…"                    # of the paper
source = "arXiv 2312.11983"    # where it can be found
differs = "…"                  # from the paper, in a sentence or two; "" where nothing does
models = ["encoder", "decoder"]
promise = "reconstruction"     # what the test holds it to
measure = "flops"              # what its target is in, unless the caller says otherwise
data = "texts"                 # what it needs beside the model

[[stages]]
units = ["head", "neuron"]
score = { piece = "fluctuation.v1" }
allocate = { piece = "standardised.v1" }
compensate = [{ piece = "mean_bias.v1" }]

[[finish]]                     # recovery at the end, left out where the recipe trains nothing
piece = "few_parameters.v1"
steps = 100
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from ctxprune.errors import FormatError, InputError, UnknownNameError, UsageError
from ctxprune.registry import Registry
from ctxprune.shrink.model.anatomy import KINDS
from ctxprune.storage.toml import parse_toml

__all__ = ["Piece", "Recipe", "Stage", "load_recipe"]

_LONGEST = 1 << 20  # bytes of a recipe; ours have about one thousand
_NAME = re.compile(r"[A-Za-z0-9_.+:-]{1,200}")  # a colon stands in names of baselines
MODELS: Mapping[str, str] = {
    "encoder": "encoders: BERT, MiniLM, RoBERTa, DeBERTa, ModernBERT, GTE, the bundled pruner",
    "decoder": "pre-norm decoders: Llama, Qwen, Mistral",
    "moe": "mixtures of experts",
    "ssm": "state-space models: Mamba, Mamba-2",
}
PROMISES: Mapping[str, str] = {
    "target": "the target is reached",
    "reconstruction": "the output is nearer to the teacher's than after random removal of as much",
    "loss": "the loss is lower than after random removal of as much, with the same recovery",
    "pattern": "the zeros stand where the pattern says",
    "equality": "the model's outputs stay the same within rounding",
    "baseline": "what others are compared with",
}
DATA: Mapping[str, str] = {
    "none": "the model alone",
    "texts": "texts in the model's input format, without labels",
    "labels": "texts with labels; without them the teacher's outputs stand in",
}


@dataclass(frozen=True)
class Piece:
    """A registered piece and its parameters."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stage:
    """One round of preparing, scoring, allocating, compensating, removing and recovering.

    Attributes:
        units: Kinds of unit that go, from `KINDS`; "weight" alone, or structures.
        score, allocate: Their pieces.
        prepare: Training before anything is scored.
        compensate: Changes to what stays, before removal, in order.
        recover: Training after removal, in each round.
        share: Of the way from the cost at the stage's start to the target, above 0 and up to 1.
        rounds: In how many steps, scored anew each time; 0 = one unit at a time.
        schedule: How much of the way is done after a share t of the rounds: "even" (t) or "cubic" (1 - (1 - t)^3, of
            Zhu and Gupta, most of it early); single weights only.
        upwards: Sublayer by sublayer from the bottom instead: each time all units from there up are scored anew and
            chosen from, and what is chosen of that sublayer goes. There are no rounds then.
    """

    units: tuple[str, ...]
    score: Piece
    allocate: Piece
    prepare: tuple[Piece, ...] = ()
    compensate: tuple[Piece, ...] = ()
    recover: tuple[Piece, ...] = ()
    share: float = 1.0
    rounds: int = 1
    schedule: str = "even"
    upwards: bool = False

    def __post_init__(self) -> None:
        # checked when it is read, since the model is loaded much later
        unknown = [kind for kind in self.units if kind not in KINDS]
        if not self.units or unknown:
            raise UsageError(f"units are {list(self.units)}", hint=f"known are {', '.join(KINDS)}")
        if "weight" in self.units and len(self.units) > 1:
            raise UsageError("single weights and structures go in stages of their own", where="units")
        if not 0 < self.share <= 1 or not isinstance(self.rounds, int) or not 0 <= self.rounds <= 10_000:
            raise UsageError(
                f"share is {self.share!r} and rounds {self.rounds!r}", hint="give a share up to 1, and rounds from 0 up"
            )
        if self.schedule not in ("cubic", "even") or (self.schedule == "cubic" and self.units != ("weight",)):
            raise UsageError(f"schedule is {self.schedule!r}", hint="'even', or 'cubic' for single weights")
        if self.upwards and ("weight" in self.units or self.rounds != 1):
            raise UsageError("upwards is for structures, without rounds", where="upwards")

    def done(self, number: int) -> float:
        """The share of the way that is done after so many rounds, 0..1."""
        part = number / max(self.rounds, 1)
        return part if self.schedule == "even" else 1 - (1 - part) ** 3


@dataclass(frozen=True)
class Recipe:
    """A method. See the module for the fields; `stages` may be empty where only `finish` works on a whole model."""

    name: str
    title: str
    source: str
    stages: tuple[Stage, ...]
    differs: str = ""
    models: tuple[str, ...] = ("encoder", "decoder")
    promise: str = "target"
    measure: str = "flops"
    data: str = "texts"
    finish: tuple[Piece, ...] = ()

    def __post_init__(self) -> None:
        # a search keeps each trial in a folder of this name, and a recipe may be somebody else's file
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name) or self.name in (".", ".."):
            hint = "letters, digits and _ . + : - of ASCII, up to 200 of them"
            raise UsageError(f"a recipe's name is {self.name!r:.80}", where="name", hint=hint)
        if not self.stages and not self.finish:
            raise UsageError("a recipe has a stage or a finish at least", where=self.name)
        unknown = [kind for kind in self.models if kind not in MODELS]
        if unknown or not self.models:
            raise UsageError(f"models are {list(self.models)}", where=self.name, hint=f"known are {', '.join(MODELS)}")
        if self.promise not in PROMISES:
            raise UsageError(f"promise is {self.promise!r}", where=self.name, hint=f"one of {', '.join(PROMISES)}")
        if self.data not in DATA:
            raise UsageError(f"data is {self.data!r}", where=self.name, hint=f"one of {', '.join(DATA)}")

    @property
    def units(self) -> tuple[str, ...]:
        """Kinds of unit that its stages take, each once, in order."""
        return tuple(dict.fromkeys(kind for stage in self.stages for kind in stage.units))

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, as the TOML has it."""
        return asdict(self) | {"units": list(self.units)}


def recipe_names() -> list[str]:
    """Names of the recipes that come with this library, sorted."""
    return sorted(
        entry.name.removesuffix(".toml") + ".v1" for entry in _folder().iterdir() if entry.name.endswith(".toml")
    )


def load_recipe(name: str | Path) -> Recipe:
    """A recipe by its name, or from a TOML file of the caller's own.

    Raises:
        UnknownNameError: There is none of that name.
        InputError: The file cannot be read.
        FormatError: It is no recipe; the message says which key is wrong.
    """
    if isinstance(name, Path) or str(name).endswith(".toml"):
        path = Path(name)
        try:
            with path.open("rb") as file:
                text = file.read(_LONGEST + 1).decode("utf-8")
        except (OSError, ValueError) as error:  # also a NUL character in its name
            raise InputError("the recipe cannot be read", where=str(path)) from error
        return parse_recipe(text, where=str(path))
    stem = str(name).removesuffix(".v1")
    if f"{stem}.v1" not in recipe_names():
        raise UnknownNameError("recipe", str(name), recipe_names())
    return parse_recipe(_folder().joinpath(f"{stem}.toml").read_text(encoding="utf-8"), where=f"{stem}.toml")


def parse_recipe(text: str, *, where: str) -> Recipe:
    """A recipe from TOML text.

    Raises:
        FormatError: It is no recipe.
    """
    # the reader stopped here, so a longer file would be parsed without its end
    if len(text.encode("utf-8", "surrogatepass")) > _LONGEST:  # of a longer file the end is missing here
        hint = "give a file in TOML; `ctxprune shrink list` names the recipes that there are"
        raise FormatError(f"this is no recipe: it is longer than {_LONGEST} bytes", where=where, hint=hint)
    try:
        data = parse_toml(text)
        data["stages"] = tuple(_stage(entry) for entry in data.get("stages", ()))
        data["finish"] = tuple(piece_of(entry) for entry in data.get("finish", ()))
        if "models" in data:
            data["models"] = tuple(data["models"])
        return Recipe(**data)
    except (ValueError, TypeError, KeyError, AttributeError, UsageError) as error:
        raise FormatError(f"this is no recipe ({error})", where=where) from error
    # nested brackets exhaust the parser's stack, which is no fault of this process
    except RecursionError as error:
        raise FormatError("this is no recipe: it is nested too deep", where=where) from error


def _stage(data: Mapping[str, Any]) -> Stage:
    known = {entry.name for entry in fields(Stage)}
    if set(data) - known:
        raise ValueError(f"a stage knows no {', '.join(sorted(set(data) - known))}")
    if missing := sorted({"units", "score", "allocate"} - set(data)):
        raise ValueError(f"a stage has no {', '.join(missing)}")
    made: dict[str, Any] = dict(data) | {"units": tuple(data["units"])}
    for name in ("score", "allocate"):
        made[name] = piece_of(data[name])
    for name in ("prepare", "compensate", "recover"):
        if not isinstance(data.get(name, []), list):
            raise ValueError(f"{name} is not a list of pieces: write {name} = [{{ piece = ... }}]")
        made[name] = tuple(piece_of(entry) for entry in data.get(name, ()))
    return Stage(**made)


def piece_of(data: Mapping[str, Any]) -> Piece:
    """A piece from the table that a recipe has for it.

    Raises:
        ValueError: It names none.
    """
    if "piece" not in data:
        raise ValueError(f"{dict(data)} names no piece")
    return Piece(data["piece"], {name: value for name, value in data.items() if name != "piece"})


def build_piece(registry: Registry[Any], piece: Piece) -> Any:
    """A piece's object, with its parameters.

    Raises:
        UnknownNameError: The registry has no such piece.
        UsageError: The piece takes no such parameters.
    """
    kind = registry.get(piece.name)
    try:
        return kind(**piece.parameters)
    except TypeError as error:
        raise UsageError(f"{piece.name} cannot be made ({error})", where=piece.name) from error


def _folder() -> Any:
    return files("ctxprune.shrink").joinpath("recipes")
