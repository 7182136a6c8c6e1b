"""Generators and pipelines from a specification in words: "sketch", "chat:FILE.gguf", "chat:URL" or a registered name.

The command line and the service both read such words; neither can import the other.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UnknownNameError, UsageError

from .defaults import default_generators

if TYPE_CHECKING:
    from ctxprune.llm.base import ChatModel
    from ctxprune.llm.cache import AnswerCache

    from ..database.database import Database
    from ..generate.base import Generator
    from ..knowledge import Knowledge
    from ..schema.schema import Schema
    from ..values.base import ValueLookup
    from .pipeline import Pipeline

__all__ = ["DEFAULT", "OptionError", "PaidEndpoint", "PipelineFactory", "PromptOptions", "make_generators"]

DEFAULT = "sketch"  # the generators that need no model, all of them


class OptionError(UsageError):
    """One option of a specification is wrong: `where` is its parameter, such as "style", or an environment variable."""


@dataclass(frozen=True)
class PaidEndpoint:
    """Prices and limits of a paid endpoint; for each that is None the environment variable holds, if it is set.

    Attributes:
        price_in, price_out: Per million tokens of prompts and of answers ($CTXPRUNE_PRICE_IN, $CTXPRUNE_PRICE_OUT).
        rpm: Requests a minute ($CTXPRUNE_RPM).
        tpm: Tokens a minute ($CTXPRUNE_TPM).
    """

    price_in: float | None = None
    price_out: float | None = None
    rpm: int | None = None
    tpm: int | None = None

    def wrap(self, model: ChatModel) -> ChatModel:
        """`model` within these limits and at these prices; it also tries again after a failure that is temporary.

        Raises:
            OptionError: A number is out of its range.
        """
        from ctxprune.llm.limited import CallLimits, LimitedModel, Prices

        price_in, price_out = _number(self.price_in, "PRICE_IN"), _number(self.price_out, "PRICE_OUT")
        rpm, tpm = (_whole(number, name) for number, name in ((self.rpm, "RPM"), (self.tpm, "TPM")))
        prices = None if price_in is None and price_out is None else Prices(price_in or 0.0, price_out or 0.0)
        return LimitedModel(model, CallLimits(requests_per_minute=rpm, tokens_per_minute=tpm), prices)

    def check_unused(self, spec: str) -> None:
        """For a generator that is no server: nothing may be given. Environment variables may be set all the same.

        Raises:
            OptionError: A price or a limit was given.
        """
        for name, value in asdict(self).items():
            if value is not None:
                raise OptionError(f"{spec!r} is no server (chat:URL)", where=name)


@dataclass(frozen=True, slots=True)
class PromptOptions:
    """How a chat model is prompted.

    Attributes:
        style: Names of styles with commas between; "" for the default.
        examples: File of answered questions; None for none.
    """

    style: str = ""
    examples: Path | None = None

    def make_generator(self, model: Any, *, plain: bool) -> Generator:
        """The generator over `model`; without a style, `plain` stands for the style of that name.

        Raises:
            OptionError: There is no such style, or none is named.
            InputError: The file of examples cannot be read.
        """
        from ..generate.examples import ExampleStore, read_examples
        from ..generate.prompt_styles import DEFAULT_STYLES, build_generator

        source = None if self.examples is None else ExampleStore(read_examples(self.examples))
        names = tuple(name for name in (part.strip() for part in self.style.split(",")) if name)
        if not self.style:
            names = ("plain",) if plain else DEFAULT_STYLES
        try:
            return build_generator(model, names, examples=source)
        except (UnknownNameError, UsageError) as error:
            raise OptionError(str(error), where="style") from error

    def check_unused(self, spec: str) -> None:
        """For a generator without prompts: nothing may be given.

        Raises:
            OptionError: A style or examples were given.
        """
        for name, value in (("style", self.style), ("examples", self.examples)):
            if value:
                raise OptionError(f"{spec!r} is no chat model", where=name)


def make_generators(
    spec: str,
    *,
    plain: bool = False,
    cache: Path | AnswerCache | None = None,
    endpoint: PaidEndpoint | None = None,
    prompts: PromptOptions | None = None,
) -> tuple[Generator, ...]:
    """The generators that a specification names.

    Args:
        spec: "sketch" (all generators that need no model), the registered name of one ("sketch.v1"), "chat:FILE" (a
            GGUF file) or "chat:URL" (an OpenAI-compatible server, with #model-name at the end where it has several
            models; $CTXPRUNE_API_KEY is its key, or the file that $CTXPRUNE_API_KEY_FILE names holds it).
        plain: The chat model alone; otherwise the generators that need no model come behind it.
        cache: Where the answers of chat models are kept; a path is that of a SQLite file, None one in the cache folder.
        endpoint: Prices and limits of a server; default the environment's.
        prompts: How a chat model is prompted; default as measurements of the styles suggest.

    Raises:
        OptionError: The generator is none of these, or an option is wrong or does not go with it.
        InputError: There is no such model file.
        MissingExtraError: A model file needs the extra `llm`.
        UsageError: The URL is malformed, or the file with the key cannot be used.
    """
    endpoint, prompts = endpoint or PaidEndpoint(), prompts or PromptOptions()
    kind, _, rest = spec.partition(":")
    if kind != "chat" or not rest:
        prompts.check_unused(spec)
        endpoint.check_unused(spec)
        return default_generators() if spec == DEFAULT else (_registered(spec),)
    from ctxprune.llm.cache import CachedModel, GenerationCache
    from ctxprune.llm.chat_models import open_chat_model
    from ctxprune.storage.folders import cache_folder
    from ctxprune.utils.environment import read_secret

    if cache is None or isinstance(cache, Path):
        cache = GenerationCache(cache or cache_folder() / "generations.sqlite")
    opened = open_chat_model(rest, api_key=read_secret("CTXPRUNE_API_KEY", os.environ))
    if rest.startswith(("http://", "https://")):
        opened = endpoint.wrap(opened)
    else:
        endpoint.check_unused(spec)
    # The cache is outermost, so that an answer from it waits for no limit and costs nothing.
    writer = prompts.make_generator(CachedModel(opened, cache), plain=plain)
    return (writer,) if plain else (writer, *default_generators())


class PipelineFactory:
    """Makes pipelines that share their generators, one for each database.

    Args:
        generators: See `make_generators`.
        candidates: Candidates per generator.
        plain: The whole schema in one prompt, one answer, no values, no repair, no vote.
        seed: Handed to the generators.
        answer_above: As for `Pipeline`; None for its default.
    """

    def __init__(
        self,
        generators: tuple[Generator, ...],
        *,
        candidates: int = 4,
        plain: bool = False,
        seed: int = 0,
        answer_above: float | None = None,
    ) -> None:
        self.generators, self._candidates, self._plain, self._seed = generators, candidates, plain, seed
        self._answer_above = answer_above

    def __call__(self, database: Database, schema: Schema) -> Pipeline:
        """A pipeline for a database and the part of its schema that may be used; its values are read now."""
        from ..values import ValueIndex

        values = None if self._plain else ValueIndex.build(database, schema=schema)
        return self.make(database, schema=schema, values=values)

    def make(
        self,
        database: Database,
        *,
        schema: Schema | None = None,
        values: ValueLookup | None = None,
        knowledge: Knowledge | None = None,
    ) -> Pipeline:
        """A pipeline with the given parts; without a `schema` the database's own is read."""
        from .pipeline import Pipeline, PipelineConfig

        if self._plain:
            config = PipelineConfig(paths=("full",), candidates=1, repair_rounds=0, schema=schema, seed=self._seed)
        else:
            config = PipelineConfig(candidates=self._candidates, schema=schema, seed=self._seed)
        return Pipeline(
            database,
            generators=self.generators,
            values=values,
            knowledge=knowledge,
            config=config,
            answer_above=self._answer_above,
        )


def _registered(name: str) -> Generator:
    """A generator that needs nothing but its name, plug-ins included."""
    from ..generate.base import GENERATORS

    try:
        return GENERATORS.get(name)()
    except UnknownNameError as error:
        raise OptionError(f"{error}, chat:FILE.gguf, chat:URL", where="generator") from error
    except TypeError as error:
        hint = "write chat:FILE.gguf or chat:URL" if name.startswith("chat") else str(error)
        raise OptionError(f"{name!r} cannot be made from its name alone: {hint}", where="generator") from error


def _number(given: float | None, name: str) -> float | None:
    text = os.environ.get(f"CTXPRUNE_{name}", "")
    if given is not None or not text:
        return given
    try:
        return float(text)
    except ValueError as error:
        raise OptionError(f"it is {text!r}, not a number", where=f"CTXPRUNE_{name}") from error


def _whole(given: int | None, name: str) -> int | None:
    number = _number(given, name)
    if number is not None and (number < 1 or not float(number).is_integer()):
        raise OptionError(f"it is {number:g}, not a whole number from 1", where=f"CTXPRUNE_{name}")
    return None if number is None else int(number)
