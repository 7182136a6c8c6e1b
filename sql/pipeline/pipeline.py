"""The pipeline: a question on a database is answered with checked rows and a trace."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from ctxprune.errors import UsageError
from ctxprune.llm.calls import record_calls
from ctxprune.llm.langchain import as_chat_model
from ctxprune.utils.cancellation import Stop, cancellation, check_cancelled
from ctxprune.utils.foreign import optional_member
from ctxprune.utils.tracing import start_span
from ctxprune.utils.validation import check_number

from ..database.database import Limits
from ..generate.base import as_generator
from ..guard.execution import GuardedRunner
from ..values.lazy import LazyIndex
from ..values.restrict import check_leaves_out, restrict
from .answer import Answer, build_answer
from .defaults import default_generators, default_linker, default_repairers, default_selector
from .remarks import add_remarks
from .spans import describe_answer, describe_step, start_ask
from .steps import (
    PATHS,
    AssessAnswer,
    CheckNames,
    Execute,
    Generate,
    JudgeCandidates,
    LinkSchema,
    NoteWithheld,
    ReadSamples,
    RetrieveValues,
    Screen,
    SelectAnswer,
    ShowValues,
    State,
    as_step,
    without_examples,
)
from .trace import TraceBuilder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from ..database.database import Database
    from ..generate.base import Generator
    from ..knowledge.recall import BoundKnowledge
    from ..linking.base import Linker
    from ..schema.schema import ColumnRef, Schema
    from ..select.base import Selector
    from ..values.base import ValueLookup
    from .steps import Step
    from .steps.knowledge import RecallKnowledge

__all__ = ["Answer", "Pipeline", "PipelineConfig"]

_KEY_SECONDS = 2.0  # for keys that the database does not declare
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True)
class PipelineConfig:
    """Settings of a pipeline.

    Attributes:
        paths: What generators without paths of their own see, of "full", "linked", "linked+values", "full+values".
        candidates: Candidates per generator over all paths, 1 or more.
        repair_rounds: Repairs per candidate at most, 0 or more.
        names_check: Whether names that a prompt did not show are looked for in candidates, restored where they break
            one, and the generator asked once more; see `CheckNames`.
        full_budget: Tokens of a schema, by the linker's count, above which no prompt holds all of it as long as there
            is another path; the prompt in which `chat` adds columns then shows the best tables. Small models lose their
            way in long prompts; raise it for strong ones.
        examples: Stored values per column that prompts of the path "linked+values" show, 0 or more.
        private: Columns whose values never leave the database except as rows of an answer: they are not indexed, and
            neither examples nor value hits of theirs come into a prompt, and no selector shows a model a cell.
        schema: The part of the database that this caller may see and query; None for all of it.
        limits: Of every query.
        max_question: Characters of the question, and of the evidence, at most.
        seed: Same seed, same answer, where the generators can promise that.
        today: The day that "last month" counts from; None for the clock's.

    Raises:
        UsageError: A number is out of its range.
    """

    paths: tuple[str, ...] = PATHS
    candidates: int = 4
    repair_rounds: int = 2
    names_check: bool = True
    full_budget: int = 4_000
    examples: int = 3
    private: tuple[ColumnRef, ...] = ()
    schema: Schema | None = None
    limits: Limits = field(default_factory=Limits)
    max_question: int = 10_000
    seed: int = 0
    today: date | None = None

    def __post_init__(self) -> None:
        for name, value, low in (
            ("candidates", self.candidates, 1),
            ("repair_rounds", self.repair_rounds, 0),
            ("examples", self.examples, 0),
            ("full_budget", self.full_budget, 0),
            ("max_question", self.max_question, 1),
        ):
            if not isinstance(value, int) or value < low:
                raise UsageError(f"{name} must be at least {low}, got {value!r}", where=name)


class _Setup(NamedTuple):
    """Schema and steps, built for the columns that the value index masks."""

    masked: tuple[ColumnRef, ...]
    schema: Schema
    steps: tuple[Step, ...]


class Pipeline:
    """Answers questions on one database. Safe to share between threads.

    A question passes the steps of the tuple `steps`: screen, values, knowledge, link, examples, generate, names,
    execute, trust, select, assess. `Pipeline.of_steps` takes any other tuple. The steps and the schema are built again
    when `values` hides other columns than before, for instance after a new version of a shared index was published.
    Foreign keys that the database does not declare are inferred from names and values.

    Args:
        database: The database; the caller closes it.
        generators: What writes candidates; default the sketch and the phrase generator, which need no model.
        linker: Reduces the schema; default the ranked linker.
        values: Finds stored values in questions; default an index built in memory at the first question. Values of the
            columns in its `hidden`, where it has that, come into no prompt.
        selector: Chooses among executed candidates; default `trust.v1` among those of the library's own generators,
            also where a small chat model writes beside them (`ChatModel.is_small`), and the vote where others do.
        chat: A chat model that helps beside the generators (two-model use): it adds tables and columns to the linked
            schema, repairs queries that fail, and, unless it is small, chooses between the two best results when
            they are close.
        knowledge: The team's knowledge: a `Knowledge`, a file of it, or entries (`ctxprune.sql.knowledge`). Entries
            that a question needs are added to prompts, within a budget, and their columns stay in the linked schema; a
            question whose answer is stored gets it as a candidate. Entries about private columns, or about columns
            outside the caller's schema, are left out.
        config: Numbers, and the part of the schema that this caller may see.
        answer_above: 0..1, least confidence of an answer that is "answered"; below it is "tentative". None for the bar
            at which nine of ten answers were right on databases that the trust model had not seen.

    Raises:
        InputError, FormatError: The file of knowledge cannot be read, or a line of it is wrong.
        DatabaseError: The database cannot be read.
        SchemaError: A private column is not in the schema.
        UsageError: `database` is no `Database`, `config` no `PipelineConfig`, `answer_above` is out of its range,
            `chat` is not a chat model, `knowledge` is none, there is no generator or path; or the caller may see only a
            part of the database, or there are private columns or views of hidden ones, and `values` (or what it wraps)
            has no `within`.
    """

    def __init__(  # noqa: PLR0913 - the parts of a pipeline, each with a default
        self,
        database: Database,
        *,
        generators: Sequence[Generator] | None = None,
        linker: Linker | None = None,
        values: ValueLookup | None = None,
        selector: Selector | None = None,
        chat: object = None,
        knowledge: object = None,
        config: PipelineConfig = PipelineConfig(),
        answer_above: float | None = None,
    ) -> None:
        from ..knowledge import Knowledge
        from ..linking.contained import KeyLimits, with_contained_keys

        _check_parts(database, config)
        self.config = config
        self._database, self._linker, self._selector = database, linker, selector
        self._assess = AssessAnswer(answer_above)
        # Within seconds, since a pipeline is also built for a single question on a large database.
        self._whole = with_contained_keys(
            database, config.schema or database.schema(), limits=KeyLimits(seconds=_KEY_SECONDS)
        )
        self._generators = default_generators() if generators is None else tuple(map(as_generator, generators))
        self._values: ValueLookup | None = self._visible_values(values)
        self._model = None if chat is None else as_chat_model(chat)
        self._knowledge = None if knowledge is None else Knowledge.of(knowledge)
        self._setup = self._build(self._values, _masked_columns(self._values))

    def _visible_values(self, values: ValueLookup | None) -> ValueLookup:
        """Where values are looked up, of what the caller may see."""
        schema = self.config.schema
        if values is None:
            return LazyIndex(self._database, self._whole, self.config.private)
        # A caller who sees everything may use a look-up that cannot leave columns out.
        if schema is None or not self._withholds():
            return values
        check_leaves_out(values, "the columns that this caller may not see")
        return restrict(values, tuple(schema.refs()))

    def _withholds(self) -> bool:
        """Whether the database holds more than the caller may see."""
        schema = self.config.schema
        return schema is not None and bool(set(self._database.schema().refs()) - set(schema.refs()))

    def _build(self, values: ValueLookup, masked: tuple[ColumnRef, ...]) -> _Setup:
        from ..guard import Guard

        config, database, model = self.config, self._database, self._model
        hidden = _unshown(masked, self._whole, config.private)
        schema = without_examples(self._whole, hidden)
        # The guard knows the whole visible schema, not the linked one: a candidate may use a pruned column.
        runner = GuardedRunner(database, Guard(schema.dialect, schema), config.limits, bool(hidden))
        writers = tuple(writer.with_runner(runner, private=bool(hidden)) for writer in self._generators)
        withheld = self._withholds()
        retrieve = RetrieveValues(values, (*config.private, *_views(hidden, schema)), withheld)
        visible = None if config.schema is None else database.schema()
        known: tuple[RecallKnowledge, ...] = ()
        if self._knowledge is not None:
            known = _recall_steps(self._knowledge.bound(schema, hidden, whole=visible), retrieve)
        # Stored answers first: of equal results the earlier candidate is shown.
        writers = (*_learned_generators(known), *writers)
        shows = config.examples and "linked+values" in config.paths and any(writer.wants_examples for writer in writers)
        whole = set(config.paths) == {"full"}  # then nothing reads the linked schema, and no linker runs
        steps: tuple[Step, ...] = (
            Screen(),
            *(() if whole and not config.repair_rounds else (retrieve,)),
            *known,
            *(() if whole else (LinkSchema(default_linker(self._linker, model, config.full_budget)),)),
            *((ShowValues(database, config.examples, hidden),) if shows else ()),
            *((ReadSamples(database, hidden),) if any(writer.wants_samples for writer in writers) else ()),
            Generate(writers, config.paths, config.candidates, config.seed, config.full_budget),
            *((CheckNames(writers, config.seed),) if config.names_check and not whole else ()),
            Execute(runner, default_repairers(model), config.repair_rounds, retrieve),
            JudgeCandidates(self._assess.model),
            SelectAnswer(default_selector(self._selector, model, writers, private=bool(hidden))),
            self._assess,
            *((NoteWithheld(retrieve),) if withheld and not (whole and not config.repair_rounds) else ()),
        )
        return _Setup(masked, schema, steps)

    @classmethod
    def of_steps(cls, schema: Schema, steps: Sequence[Step], *, config: PipelineConfig = PipelineConfig()) -> Pipeline:
        """A pipeline of your own steps over what `schema` lets its caller see."""
        # Without `__init__`, which builds the default steps.
        self = cls.__new__(cls)
        self.config, self._values, self._setup = config, None, _Setup((), schema, tuple(map(as_step, steps)))
        return self

    @property
    def schema(self) -> Schema:
        """What the caller may see. Raises what `values.hidden` does."""
        return self._current().schema

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the next question. Raises what `values.hidden` does."""
        return self._current().steps

    def _current(self) -> _Setup:
        setup = self._setup
        # A shared index may publish a version that hides other columns while the pipeline is in use.
        if self._values is not None and (masked := _masked_columns(self._values)) != setup.masked:
            setup = self._setup = self._build(self._values, masked)
        return setup

    def ask(self, question: str, evidence: str = "") -> Answer:
        """Answer one question.

        Returns:
            Rows, or a refusal with its reason; a failing model, generator or query never raises.

        Raises:
            UsageError: The question is empty, too long or no text.
            DatabaseError: The database itself cannot be used.
            InputError, FormatError: The file in which a model's answers are kept cannot be used.
            StoreError, FormatError: A Redis that holds the index of values or a model's answers cannot be used.
        """
        given = question
        question, evidence = self._text(question, "question"), self._text(evidence, "evidence")
        if not question:
            raise UsageError("the question is empty", where="question")
        setup = self._current()
        state = State(question, setup.schema, evidence, today=self.config.today)
        builder = TraceBuilder()
        with start_ask(question, evidence, setup.schema) as span:
            for step in setup.steps:
                # A refusal is final; the steps that are left are neither run nor traced.
                if state.refusal is not None:
                    break
                check_cancelled()
                start = perf_counter()
                with record_calls() as calls, start_span(f"ctxprune.ask.{step.name}") as part:
                    state = describe_step(part, state, step.run(state))
                builder.step(step.name, (perf_counter() - start) * 1e3, calls)
            return describe_answer(span, build_answer(add_remarks(state, given), builder))

    async def aask(self, question: str, evidence: str = "") -> Answer:
        """`ask` for asyncio: it runs in a thread.

        Once cancelled, it starts no further step, model call or query, waits for no model, and ends the query that is
        running.
        """
        cancelled = Stop()
        try:
            with cancellation(cancelled):
                return await asyncio.to_thread(self.ask, question, evidence)
        finally:
            # Also where the task was cancelled: the thread cannot be, so it is told to stop.
            cancelled.set()

    def ask_many(self, questions: Iterable[str], *, workers: int = 1) -> list[Answer]:
        """Answers in the order of the questions; with several workers, that many are answered at once.

        Raises:
            UsageError: As `ask`, for any of them; workers is below 1; or `questions` is a single text.
            DatabaseError: As `ask`.
        """
        check_number("workers", workers, minimum=1)
        if isinstance(questions, str):
            raise UsageError("questions is a single text", where="questions", hint="give a list, or use ask")
        if workers == 1:
            return [self.ask(question) for question in questions]
        context = copy_context()  # so that the spans of the questions are children of the current one
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(lambda question: context.copy().run(self.ask, question), questions))

    def _text(self, text: str, where: str) -> str:
        """`text` without control characters, lone surrogates and outer blanks, checked for length."""
        limit = self.config.max_question
        if not isinstance(text, str):
            raise UsageError(f"the {where} is a {type(text).__name__}", where=where, hint="give a text")
        if len(text) > limit:
            hint = f"at most {limit} are taken"
            raise UsageError(f"the {where} has {len(text)} characters", where=where, hint=hint)
        # Lone surrogates cannot be sent to a model or a database; "replace" makes "?" of them.
        return _CONTROL.sub(" ", text.encode("utf-8", "replace").decode("utf-8")).strip()


def _check_parts(database: object, config: object) -> None:
    """Refuse a path in the place of a database, and other things that are none.

    Raises:
        UsageError: One of them is of another kind.
    """
    if not callable(getattr(database, "schema", None)):
        hint = "open it first: Pipeline(Database(PATH))"
        raise UsageError(f"the database is a {type(database).__name__}, not a Database", where="database", hint=hint)
    if not isinstance(config, PipelineConfig):
        hint = "write config=PipelineConfig(...)"
        raise UsageError(f"config is a {type(config).__name__}", where="config", hint=hint)


def _masked_columns(values: ValueLookup) -> tuple[ColumnRef, ...]:
    """The columns whose values an index masks."""
    return tuple(optional_member(values, "hidden", ()))


def _unshown(masked: Sequence[ColumnRef], schema: Schema, private: Sequence[ColumnRef]) -> tuple[ColumnRef, ...]:
    """The columns of `schema` whose values must not be shown: private ones, those that an index masks, and where
    there are any all columns of views, which may show them.
    """
    # An index may mask columns that this caller's schema lacks.
    refs = (*private, *(ref for ref in masked if ref.table in schema and ref.column in schema.table(ref.table)))
    return (*refs, *(ref for ref in schema.refs() if schema.table(ref.table).is_view)) if refs else ()


def _views(hidden: Sequence[ColumnRef], schema: Schema) -> Iterator[ColumnRef]:
    return (ref for ref in hidden if schema.table(ref.table).is_view)


def _recall_steps(knowledge: BoundKnowledge, retrieve: RetrieveValues) -> tuple[RecallKnowledge, ...]:
    """The step that recalls what is known."""
    from .steps.knowledge import RecallKnowledge

    return (RecallKnowledge(knowledge, retrieve),)


def _learned_generators(known: Sequence[RecallKnowledge]) -> tuple[Generator, ...]:
    from ..generate.learned import LearnedGenerator

    return tuple(LearnedGenerator(step.knowledge) for step in known)
