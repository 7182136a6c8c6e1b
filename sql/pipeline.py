"""The pipeline: a question on a database comes back as checked rows, with a trace of how."""

from __future__ import annotations

import asyncio
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError

from ._cancel import cancellation, check_cancelled
from .database import Limits
from .execution import GuardedRunner
from .generate.base import reads_values, with_runner
from .generate.duck import as_chat_model
from .generate.model import recorded_calls
from .select.base import Executed, without_cells
from .steps import (
    PATHS,
    CheckNames,
    Execute,
    Generate,
    LinkSchema,
    Refusal,
    RetrieveValues,
    Screen,
    SelectAnswer,
    ShowValues,
    State,
    without_examples,
)
from .trace import Trace, TraceBuilder, hit_traces, knowledge_trace, link_trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .database import Database, ResultSet
    from .generate.base import Generator
    from .generate.model import ChatModel
    from .knowledge.step import RecallKnowledge
    from .linking.base import Linker
    from .repair.base import Repairer
    from .schema import ColumnRef, Schema
    from .select.base import Selector
    from .steps import Step
    from .values.base import ValueHit, ValueLookup

__all__ = ["Answer", "Pipeline", "PipelineConfig"]

_KEY_SECONDS = 2.0  # for keys that the database does not declare
_TAUGHT = 3.0  # votes of a taught answer; a generator has one
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True)
class PipelineConfig:
    """The numbers of a pipeline.

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

    def __post_init__(self) -> None:
        for name, low in (
            ("candidates", 1),
            ("repair_rounds", 0),
            ("examples", 0),
            ("full_budget", 0),
            ("max_question", 1),
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or value < low:
                raise UsageError(f"{name} must be at least {low}, got {value!r}", where=name)


@dataclass(frozen=True)
class Answer:
    """What a question came back as.

    Attributes:
        question: As it was used.
        sql: The text that ran; "" when refused.
        result: Its rows; None when refused.
        confidence: 0..1, the share of the working candidates' weight that agrees; 0 when refused.
        refusal: Why there is no answer; None when there is one.
        trace: How it came about.
    """

    question: str
    sql: str
    result: ResultSet | None
    confidence: float
    refusal: Refusal | None
    trace: Trace

    @property
    def refused(self) -> bool:
        """True when there is no answer."""
        return self.refusal is not None

    @property
    def reason(self) -> str:
        """Why it was refused, else why this candidate was chosen."""
        return self.refusal.reason if self.refusal else self.trace.reason

    @property
    def columns(self) -> tuple[str, ...]:
        """Result column names; () when refused."""
        return self.result.columns if self.result else ()

    @property
    def rows(self) -> tuple[tuple[object, ...], ...]:
        """Result rows; () when refused."""
        return self.result.rows if self.result else ()

    def to_dict(self, *, trace: bool = True) -> dict[str, Any]:
        """Plain data; cells stay as they are (None, int, float, str, bytes); `cost` is None without prices."""
        document: dict[str, Any] = {
            "question": self.question,
            "sql": self.sql,
            "columns": list(self.columns),
            "rows": [list(row) for row in self.rows],
            "truncated": self.result is not None and self.result.truncated,
            "confidence": self.confidence,
            "refused": self.refused,
            "refusal": asdict(self.refusal) if self.refusal else None,
            "reason": self.reason,
            "tokens_in": self.trace.tokens_in,
            "tokens_out": self.trace.tokens_out,
            "cost": self.trace.cost,
        }
        return document | ({"trace": self.trace.to_dict()} if trace else {})


class Pipeline:
    """Answers questions on one database. Safe to share between threads.

    A question's way is the tuple `steps`: screen, values, knowledge, link, examples, generate, names, execute, select.
    `Pipeline.of_steps` takes any other tuple. Foreign keys that the database does not declare are inferred from names
    and values.

    Args:
        database: What is asked; the caller closes it.
        generators: Who writes candidates; default the sketch generator, which needs no model.
        linker: Cuts the schema; default the ranked linker.
        values: Finds stored values in questions; default an index built in memory at the first question.
        selector: Chooses among executed candidates; default the execution vote.
        chat: A chat model that helps beside the generators (two-model use): it adds tables and columns to the linked
            schema, repairs queries that fail or give nothing, and chooses between the two best results when they are
            close.
        knowledge: What the team knows: a `Knowledge`, a file of it, or entries (`ctxprune.sql.knowledge`). What a
            question needs of it comes into prompts, within a budget, and keeps columns through linking; a question that
            was taught gets its answer as a candidate. Entries that speak of private columns, or of columns outside the
            caller's schema, are left out.
        config: Numbers, and the part of the schema that this caller may see.

    Raises:
        InputError, FormatError: The file of knowledge cannot be read, or a line of it is wrong.
        DatabaseError: The database cannot be read.
        SchemaError: A private column is not in the schema.
        UsageError: `chat` is not a chat model, `knowledge` is none, or there is no generator or path.
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
    ) -> None:
        from .guard import Guard
        from .linking.contained import KeyLimits, with_contained_keys

        schema = with_contained_keys(
            database, config.schema or database.schema(), limits=KeyLimits(seconds=_KEY_SECONDS)
        )
        hidden = _hidden(values, schema, config.private)
        schema = without_examples(schema, hidden)
        model = None if chat is None else as_chat_model(chat)
        runner = GuardedRunner(database, Guard(schema.dialect, schema), config.limits, bool(hidden))
        writers = _default_generators() if generators is None else tuple(generators)
        writers = tuple(with_runner(writer, runner, private=bool(hidden)) for writer in writers)
        known = _known(knowledge, schema, hidden, None if config.schema is None else database.schema())
        writers = (*_learned(known), *writers)
        self.config, self.schema = config, schema
        values = LazyIndex(database, schema, config.private) if values is None else values
        retrieve = RetrieveValues(values, (*config.private, *_views(hidden, schema)))
        shows = config.examples and "linked+values" in config.paths and any(map(reads_values, writers))
        whole = set(config.paths) == {"full"}  # then nothing reads the linked schema
        self.steps: tuple[Step, ...] = (
            Screen(),
            *(() if whole and not config.repair_rounds else (retrieve,)),
            *known,
            *(() if whole else (LinkSchema(_linker(linker, model, config.full_budget)),)),
            *((ShowValues(database, config.examples, hidden),) if shows else ()),
            Generate(tuple(writers), config.paths, config.candidates, config.seed, config.full_budget),
            *((CheckNames(tuple(writers), config.seed),) if config.names_check and not whole else ()),
            Execute(runner, _repairers(model), config.repair_rounds, retrieve),
            SelectAnswer(_selector(selector, model, private=bool(hidden), taught=bool(known))),
        )

    @classmethod
    def of_steps(cls, schema: Schema, steps: Sequence[Step], *, config: PipelineConfig = PipelineConfig()) -> Pipeline:
        """A pipeline of your own steps over what `schema` lets its caller see."""
        self = cls.__new__(cls)
        self.config, self.schema, self.steps = config, schema, tuple(steps)
        return self

    def ask(self, question: str, evidence: str = "") -> Answer:
        """Answer one question.

        Returns:
            Rows, or a refusal with its reason; a failing model, generator or query never raises.

        Raises:
            UsageError: The question is empty, too long or no text.
            DatabaseError: The database itself cannot be used.
        """
        question, evidence = self._text(question, "question"), self._text(evidence, "evidence")
        if not question:
            raise UsageError("the question is empty", where="question")
        state = State(question, self.schema, evidence)
        builder = TraceBuilder()
        for step in self.steps:
            if state.refusal is not None:
                break
            check_cancelled()
            start = perf_counter()
            with recorded_calls() as calls:
                state = step.run(state)
            builder.step(step.name, (perf_counter() - start) * 1e3, calls)
        return _answer(state, builder)

    async def aask(self, question: str, evidence: str = "") -> Answer:
        """`ask` for asyncio: it runs in a thread.

        Once cancelled, it starts no further step, model call or query, and waits for no model; a query that is running
        ends by its own limits.
        """
        cancelled = threading.Event()
        try:
            with cancellation(cancelled):
                return await asyncio.to_thread(self.ask, question, evidence)
        finally:
            cancelled.set()

    def ask_many(self, questions: Iterable[str], *, workers: int = 1) -> list[Answer]:
        """Answers in the order of the questions; with several workers, that many are worked on at once.

        Raises:
            UsageError: As `ask`, for any of them; workers is below 1; or `questions` is a single text.
            DatabaseError: As `ask`.
        """
        if workers < 1:
            raise UsageError(f"workers must be at least 1, got {workers}", where="workers")
        if isinstance(questions, str):
            raise UsageError("questions is a single text", where="questions", hint="give a list, or use ask")
        if workers == 1:
            return [self.ask(question) for question in questions]
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(self.ask, questions))

    def _text(self, text: str, where: str) -> str:
        """`text` without control characters, lone surrogates and outer blanks, checked for length."""
        limit = self.config.max_question
        if not isinstance(text, str):
            raise UsageError(f"the {where} is a {type(text).__name__}", where=where, hint="give a text")
        if len(text) > limit:
            hint = f"at most {limit} are taken"
            raise UsageError(f"the {where} has {len(text)} characters", where=where, hint=hint)
        return _CONTROL.sub(" ", text.encode("utf-8", "replace").decode("utf-8")).strip()


class LazyIndex:
    """A value index that is built in memory when it is first asked.

    Args:
        database: Where the values are.
        schema: Columns outside it are never read.
        private: Columns of it that are not read either.
    """

    def __init__(self, database: Database, schema: Schema, private: Sequence[ColumnRef] = ()) -> None:
        self._database, self._schema, self._private = database, schema, tuple(private)
        self._index: ValueLookup | None = None
        self._lock = threading.Lock()

    def lookup(self, question: str, evidence: str = "") -> Sequence[ValueHit]:
        """As `ValueIndex.lookup`."""
        with self._lock:
            if self._index is None:
                from .values.index import ValueIndex

                self._index = ValueIndex.build(self._database, schema=self._schema, exclude=self._private)
        return self._index.lookup(question, evidence)


def _hidden(values: ValueLookup | None, schema: Schema, private: Sequence[ColumnRef]) -> tuple[ColumnRef, ...]:
    """The columns of `schema` whose values must not be shown: private ones, those that an index says, and all columns
    of views, which may show them, where there are any.
    """
    told: Sequence[ColumnRef] = getattr(values, "hidden", ())
    refs = (*private, *(ref for ref in told if ref.table in schema and ref.column in schema.table(ref.table)))
    return (*refs, *(ref for ref in schema.refs() if schema.table(ref.table).is_view)) if refs else ()


def _views(hidden: Sequence[ColumnRef], schema: Schema) -> Iterator[ColumnRef]:
    return (ref for ref in hidden if schema.table(ref.table).is_view)


def _default_generators() -> tuple[Generator, ...]:
    from .generate.sketch import SketchGenerator

    return (SketchGenerator(),)


def _known(
    knowledge: object, schema: Schema, hidden: Sequence[ColumnRef], whole: Schema | None
) -> tuple[RecallKnowledge, ...]:
    """The step that recalls what is known, where something is."""
    if knowledge is None:
        return ()
    from .knowledge import Knowledge
    from .knowledge.step import RecallKnowledge

    return (RecallKnowledge(Knowledge.of(knowledge).bound(schema, hidden, whole=whole)),)


def _learned(known: Sequence[RecallKnowledge]) -> tuple[Generator, ...]:
    from .generate.learned import LearnedGenerator

    return tuple(LearnedGenerator(step.knowledge) for step in known)


def _linker(linker: Linker | None, model: ChatModel | None, budget: int) -> Linker:
    if linker is None:
        from .linking.ranked import RankedLinker

        linker = RankedLinker()
    if model is None:
        return linker
    from .linking.chat import ChatLinker

    return ChatLinker(model, linker, budget=budget)


def _selector(selector: Selector | None, model: ChatModel | None, *, private: bool, taught: bool) -> Selector:
    if selector is None:
        from .select.vote import VoteSelector

        # what people taught for this very question stands against a few models that agree
        selector = VoteSelector({"learned.v1": _TAUGHT}) if taught else VoteSelector()
    if model is not None:
        from .select.judge import JudgedSelector

        selector = JudgedSelector(model, selector)
    return without_cells(selector) if private else selector


def _repairers(model: ChatModel | None) -> tuple[Repairer, ...]:
    from .repair import mechanical_repairers

    if model is None:
        return mechanical_repairers()
    from .repair.chat import ChatRepair
    from .repair.refine import ChatRefine

    return (*mechanical_repairers(), ChatRepair(model), ChatRefine(model))


def _answer(state: State, builder: TraceBuilder) -> Answer:
    selection, refusal = state.selection, state.refusal
    index = None if selection is None or refusal is not None else selection.index
    chosen = None if index is None else state.executed[index]
    executed = state.executed or [Executed(candidate, "", error=candidate.error) for candidate in state.candidates]
    trace = Trace(
        question=state.question,
        evidence=state.evidence,
        database=state.schema.name,
        dialect=state.schema.dialect,
        hits=hit_traces(state.hits),
        linked=link_trace(state.linked) if state.linked is not None else None,
        candidates=tuple(map(builder.candidate, executed)),
        groups=selection.groups if selection is not None else (),
        chosen=index,
        reason=refusal.reason if refusal is not None else selection.reason if selection is not None else "",
        steps=tuple(builder.steps),
        knowledge=knowledge_trace(state.known) if state.known is not None else None,
        prompts=tuple(builder.prompts),
    )
    if chosen is None or selection is None:
        refusal = refusal or Refusal("unanswerable", "No step of this pipeline chose an answer.")
        return Answer(state.question, "", None, 0.0, refusal, trace)
    return Answer(state.question, chosen.sql, chosen.result, selection.confidence, None, trace)
