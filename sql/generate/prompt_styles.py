"""Generators by the names of their styles: "small", or "small,mschema,skeleton" for several on one budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.errors import UnknownNameError, UsageError

from .chat import ChatGenerator
from .decompose import DecomposeGenerator
from .incremental import IncrementalGenerator
from .mixed import MixedGenerator
from .prompts.base import PROMPTS
from .prompts.examples import WithExamples
from .skeleton import SkeletonGenerator

if TYPE_CHECKING:
    from .base import Generator
    from .examples import ExampleSource
    from .prompts.base import Prompt

__all__ = ["DEFAULT_STYLES", "build_generator", "list_styles"]

# The best as written of those in benchmarks/results/chat_prompts.json; not all styles are measured there yet.
DEFAULT_STYLES = ("small",)
_DECOMPOSING: dict[str, type[DecomposeGenerator]] = {
    "decompose": DecomposeGenerator,
    "incremental": IncrementalGenerator,
}
_BARE = frozenset({*_DECOMPOSING, "plain"})  # styles that show no examples


def list_styles() -> list[str]:
    """The names that `build_generator` knows, sorted; prompts of plug-ins included."""
    return sorted({name.partition(".")[0] for name in PROMPTS.names()} | set(_DECOMPOSING))


def build_generator(
    model: object, styles: tuple[str, ...] = DEFAULT_STYLES, *, examples: ExampleSource | None = None, shots: int = 2
) -> Generator:
    """The generator of one style, or one that shares each request among several.

    Args:
        model: A `ChatModel`, or a LangChain chat model.
        styles: Names of prompts (`PROMPTS`), "decompose" and "incremental"; a name given twice counts once.
        examples: Where examples for the prompts come from; "decompose", "incremental" and "plain" show none.
        shots: Examples in a prompt at most.

    Raises:
        UnknownNameError: There is no such style.
        UsageError: No style is named, `model` is not a chat model, shots is below 1, or there are examples and no style
            that shows them.
    """
    names = tuple(dict.fromkeys(styles))
    if not names:
        raise UsageError("no style is named", where="styles", hint=f"known: {', '.join(list_styles())}")
    if examples is not None and all(name.partition(".")[0] in _BARE for name in names):
        raise UsageError(f"the style {names[0]!r} shows no examples", where="examples", hint="take another style")
    made = tuple(_styled(model, name, examples, shots) for name in names)
    return made[0] if len(made) == 1 else MixedGenerator(made)


def _styled(model: object, name: str, examples: ExampleSource | None, shots: int) -> Generator:
    kind = name.partition(".")[0]
    if kind in _DECOMPOSING:
        return _DECOMPOSING[kind](model)
    try:
        prompt: Prompt = PROMPTS.get(name)()
    except UnknownNameError as error:
        raise UnknownNameError("style", name, list_styles()) from error
    writer = SkeletonGenerator if kind == "skeleton" else ChatGenerator
    if examples is not None and kind not in _BARE:
        prompt = WithExamples(prompt, examples, n=shots)
    return writer(model, prompt=prompt)
