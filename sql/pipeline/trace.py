"""The trace of one question, as plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ctxprune.errors import FailureKind
    from ctxprune.llm.calls import Call

    from ..knowledge.recall import Recalled
    from ..rewrite.base import Rewritten
    from ..schema.hits import ValueHit
    from ..schema.linked import Linked
    from ..select.base import Executed
    from ..trust.outcome import Assessment

__all__ = [
    "CallTrace",
    "CandidateTrace",
    "HitTrace",
    "KnowledgeTrace",
    "KnownTrace",
    "LinkTrace",
    "StepTrace",
    "Trace",
    "TraceBuilder",
    "hit_traces",
    "knowledge_trace",
    "link_trace",
]


@dataclass(frozen=True, slots=True)
class HitTrace:
    """One stored value that the question mentions."""

    table: str
    column: str
    value: str
    score: float
    stage: str


@dataclass(frozen=True, slots=True)
class LinkTrace:
    """The linked schema: kept columns by table, and tokens of the rendered units before and after."""

    kept: dict[str, list[str]]
    columns_before: int
    columns_after: int
    tokens_before: int
    tokens_after: int
    tokenizer: str


@dataclass(frozen=True, slots=True)
class KnownTrace:
    """One entry of a team's knowledge: its lines in prompts, its score for the question, and why it is kept or not."""

    id: str
    text: str
    score: float
    tokens: int
    kept: bool
    reason: str


@dataclass(frozen=True, slots=True)
class KnowledgeTrace:
    """The team's knowledge for one question.

    Attributes:
        source: The file; "" where it was given as objects.
        entries: Those that score high enough to be looked at, and can be used, best first.
        others: How many score too low.
        left_out: Those that score high enough and cannot be used with this schema or by this caller, by their ids, and
            why.
        tokens_before, tokens_after: Of `entries`, and of the kept ones among them.
        tokenizer: The counter.
        question_kind: The kind of the question, with the words that say so; "" where no entry is meant for one.
    """

    source: str
    entries: tuple[KnownTrace, ...]
    others: int
    left_out: dict[str, str]
    tokens_before: int
    tokens_after: int
    tokenizer: str
    question_kind: str = ""


@dataclass(frozen=True, slots=True)
class CallTrace:
    """One request to a model; `prompt` is a position in `Trace.prompts`, `cost` is None without prices."""

    model: str
    prompt: int
    temperature: float
    n: int
    seed: int
    answers: tuple[str, ...]
    tokens_in: int
    tokens_out: int
    cached: bool
    ms: float
    error: str
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class CandidateTrace:
    """One candidate, what ran of it, and how it ended.

    Attributes:
        sql: As generated.
        ran: The text that ran, after guard and repair; "" if nothing ran.
        rows: Rows of the result; None when it failed.
        error: Why there is no SQL, or the guard's or the database's message.
        failure: The kind of a generation's error; None for others. It is not part of the JSON.
        repairs: Texts that failed before `ran`, oldest first.
        prompt: Position in `Trace.prompts`; None where there was none.
        tokens_in, tokens_out, ms: Of its generation.
        execution_ms: Of its execution, repairs included.
    """

    generator: str
    path: str
    sql: str
    ran: str
    rows: int | None
    columns: tuple[str, ...]
    truncated: bool
    score: float
    error: str
    repairs: tuple[str, ...]
    notes: tuple[str, ...]
    prompt: int | None
    tokens_in: int
    tokens_out: int
    cached: bool
    ms: float
    execution_ms: float
    failure: FailureKind | None = None


@dataclass(frozen=True, slots=True)
class StepTrace:
    """One step of the pipeline: its time, and the models it asked; `cost` is None where none of them has prices."""

    name: str
    ms: float
    tokens_in: int = 0
    tokens_out: int = 0
    calls: tuple[CallTrace, ...] = ()
    note: str = ""
    cost: float | None = None


@dataclass(frozen=True)
class Trace:
    """Everything about one question.

    Attributes:
        question, evidence: As they were used (control characters removed).
        database, dialect: Which database.
        hits: Value hits.
        linked: The linked schema; None where no linker ran.
        prompts: Every different prompt, in the order of first use.
        candidates: All of them, in the order of generation.
        groups: Positions in `candidates` with equal results, best group first.
        chosen: Position in `candidates`; None when refused.
        reason: The selector's reason, or the refusal's.
        steps: In order, with times and tokens.
        knowledge: What the team's knowledge gave; None where there is none.
        rewritten: What was asked in a conversation, and how the question came of it; None outside of one.
        assessment: Of the chosen candidate; None where there is none.
    """

    question: str
    evidence: str
    database: str
    dialect: str
    hits: tuple[HitTrace, ...] = ()
    linked: LinkTrace | None = None
    prompts: tuple[str, ...] = ()
    candidates: tuple[CandidateTrace, ...] = ()
    groups: tuple[tuple[int, ...], ...] = ()
    chosen: int | None = None
    reason: str = ""
    steps: tuple[StepTrace, ...] = ()
    knowledge: KnowledgeTrace | None = None
    rewritten: Rewritten | None = None
    assessment: Assessment | None = None

    @property
    def ms(self) -> float:
        """Milliseconds over all steps."""
        return sum(step.ms for step in self.steps)

    @property
    def tokens_in(self) -> int:
        """Prompt tokens over all steps."""
        return sum(step.tokens_in for step in self.steps)

    @property
    def tokens_out(self) -> int:
        """Answer tokens over all steps."""
        return sum(step.tokens_out for step in self.steps)

    @property
    def cost(self) -> float | None:
        """What all steps cost, by the caller's prices; None where no model has prices."""
        return _total(step.cost for step in self.steps)

    @property
    def model_errors(self) -> tuple[str, ...]:
        """Why models failed, each reason once, in the order of the calls; () where none did. Words of the provider."""
        # A failing call stands in its step and in the candidate that came of it; each reason is told once.
        called = [call.error for step in self.steps for call in step.calls]
        failed = (item for item in self.candidates if item.failure is not None and item.failure.is_model)
        written = [item.error.removeprefix(ModelError.code).strip() for item in failed]
        return tuple(dict.fromkeys(error for error in (*called, *written) if error))

    @property
    def model_answered(self) -> bool:
        """Whether a model gave any answer."""
        calls = (call for step in self.steps for call in step.calls)
        return any(call.answers for call in calls) or any(item.tokens_out for item in self.candidates)

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, texts and numbers, ready for JSON; format name and version included."""
        totals = {"ms": self.ms, "tokens_in": self.tokens_in, "tokens_out": self.tokens_out, "cost": self.cost}
        document = {"format": "ctxprune-trace", "version": 1, **asdict(self), **totals}
        for candidate in document["candidates"]:
            del candidate["failure"]  # version 1 of the format has the text alone
        return document


def _total(costs: Iterable[float | None]) -> float | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known else None


class TraceBuilder:
    """Collects prompts and turns the pipeline's objects into trace records."""

    def __init__(self) -> None:
        self.prompts: dict[str, int] = {}
        self.steps: list[StepTrace] = []

    def prompt(self, text: str) -> int | None:
        """The position of a prompt, which is stored when new; None for ""."""
        # Prompts are stored once and referred to by position: paths and repairs share most of them.
        return self.prompts.setdefault(text, len(self.prompts)) if text else None

    def step(self, name: str, ms: float, calls: Sequence[Call], note: str = "") -> None:
        """Store one step."""
        records = tuple(self._call(call) for call in calls)
        tokens = (sum(call.tokens_in for call in records), sum(call.tokens_out for call in records))
        self.steps.append(StepTrace(name, ms, *tokens, records, note, _total(call.cost for call in records)))

    def candidate(self, item: Executed) -> CandidateTrace:
        """One executed candidate."""
        made, result = item.candidate, item.result
        return CandidateTrace(
            generator=made.generator,
            path=made.path,
            sql=made.sql,
            ran=item.sql,
            rows=None if result is None else len(result.rows),
            columns=() if result is None else result.columns,
            truncated=result is not None and result.truncated,
            score=made.score,
            error=made.error or item.error,
            repairs=item.repairs,
            notes=made.notes,
            prompt=self.prompt(made.prompt),
            tokens_in=made.tokens_in,
            tokens_out=made.tokens_out,
            cached=made.cached,
            ms=made.ms,
            execution_ms=item.ms,
            failure=made.failure,
        )

    def _call(self, call: Call) -> CallTrace:
        from ..generate.prompts.base import prompt_text

        answers, drawn = call.answers, call.sampling
        return CallTrace(
            model=call.model,
            prompt=self.prompts.setdefault(prompt_text(call.messages), len(self.prompts)),
            temperature=drawn.temperature,
            n=drawn.n,
            seed=drawn.seed,
            answers=tuple(answer.text for answer in answers),
            tokens_in=sum(answer.tokens_in for answer in answers),
            tokens_out=sum(answer.tokens_out for answer in answers),
            cached=bool(answers) and all(answer.cached for answer in answers),
            ms=call.ms,
            error=call.error,
            cost=call.cost,
        )


def hit_traces(hits: Sequence[ValueHit]) -> tuple[HitTrace, ...]:
    """Value hits as records."""
    return tuple(HitTrace(hit.ref.table, hit.ref.column, hit.value, hit.score, hit.stage) for hit in hits)


def link_trace(linked: Linked) -> LinkTrace:
    """A linked schema as a record."""
    kept = {table.name: [column.name for column in table.columns] for table in linked.schema.tables}
    return LinkTrace(
        kept=kept,
        columns_before=linked.full.n_columns,
        columns_after=linked.schema.n_columns,
        tokens_before=linked.tokens_before,
        tokens_after=linked.tokens_after,
        tokenizer=linked.tokenizer,
    )


def knowledge_trace(known: Recalled) -> KnowledgeTrace:
    """The recalled knowledge as a record."""
    pruned = known.pruned
    entries = [
        KnownTrace(name, unit.text, unit.score, unit.tokens, unit.kept, unit.reason)
        for name, unit in zip(known.ids, pruned.units, strict=True)
    ]
    return KnowledgeTrace(
        source=known.source,
        entries=tuple(sorted(entries, key=lambda entry: -entry.score)),
        others=known.others,
        left_out=dict(known.left_out),
        tokens_before=pruned.tokens_before,
        tokens_after=pruned.tokens_after,
        tokenizer=pruned.counter,
        question_kind=str(known.question_kind) if known.question_kind is not None else "",
    )
