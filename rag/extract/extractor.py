"""Extraction by a chat model: schema and chunk pruned to each other, answers checked against schema and source."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from ctxprune.errors import InputError, ModelError, UsageError
from ctxprune.llm.base import Sampling
from ctxprune.llm.calls import ask_model
from ctxprune.llm.langchain import as_chat_model
from ctxprune.policies.threshold import Threshold
from ctxprune.pruning.pruner import Pruner
from ctxprune.tokens import as_counter
from ctxprune.utils.validation import (
    Checked,
    check_choice,
    check_flag,
    check_range,
    check_whole,
    checked_field,
    describe_type,
)

from ..jsonschema.witness import require_satisfiable
from ..passages.options import PassageOptions
from ..passages.passages import Passage
from .answers import parse_answer, unwrap_records
from .cases import Case, CaseMemory
from .class_text import class_name, write_classes
from .evidence import Places, Source, walk_leaves
from .labels import LabelMatcher
from .prompts import write_correction, write_messages
from .prose import find_mentions
from .records import Chunk, ExtractedValue, Extraction, Failure, Record, as_chunks
from .relevance import LEAST_SCORE, FieldScorer, choose_fields, write_field_query
from .schema import RecordSchema, as_record_schema
from .validation import RecordChecker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ctxprune.llm.base import ChatAnswer, Message

__all__ = ["ExtractOptions", "Extractor"]

Span = tuple[int, int]
_PASSAGE = PassageOptions(markdown=True, headings=True)
_MOST_RECORDS = 1_000  # of an answer
_MOST_TOLD = 20  # errors in the reason of a failure


@dataclass(frozen=True)
class ExtractOptions(Checked):
    """How an `Extractor` works.

    Attributes:
        prune_schema: Leave fields out of the prompt that the chunk has no trace of.
        prune_chunk: Leave out what of the chunk names no field and holds no value.
        least: 0..1, lowest score of a unit that is kept, see `FieldScorer`, and of the label of a field that is.
        unsupported: What happens to a value that does not stand in the source: "flag" keeps it, without a span;
            "drop" takes it out and says so in `Record.problems`.
        retries: Further calls for an answer that has errors, 0 or more.
        most_cases: Cases of the memory that a prompt shows, 0 or more.
        workers: Chunks that are extracted at the same time, 1 or more; for models behind a server.
        sampling: How answers are drawn; n is 1.

    Raises:
        UsageError: A value is out of its range.
    """

    prune_schema: bool = checked_field(True, check_flag)
    prune_chunk: bool = checked_field(True, check_flag)
    least: float = checked_field(LEAST_SCORE, check_range)
    unsupported: Literal["flag", "drop"] = checked_field("flag", check_choice, ("flag", "drop"))
    retries: int = checked_field(1, check_whole, minimum=0)
    most_cases: int = checked_field(2, check_whole, minimum=0)
    workers: int = checked_field(1, check_whole)
    sampling: Sampling = field(default_factory=lambda: Sampling(max_tokens=1024))

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.sampling, Sampling) or self.sampling.n != 1:
            raise UsageError(f"sampling is {self.sampling!r}", hint="give Sampling(...) with n=1")


@dataclass(frozen=True)
class _Prompt:
    """One chunk's prompt: what is sent, which fields and characters are in it."""

    chunk: Chunk
    messages: list[Message]
    shown: tuple[str, ...]
    spans: tuple[Span, ...]
    text: str


@dataclass
class _Outcome:
    """What became of one chunk."""

    records: list[Record] = field(default_factory=list)
    failure: Failure | None = None
    answers: list[ChatAnswer] = field(default_factory=list)
    full: int = 0
    sent: int = 0
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class Extractor:
    """Extracts records with a chat model. Safe to share between threads.

    For each chunk the fields that it has no trace of are left out of the prompt, and what of it names no field is, too;
    the schema stands there as Python classes. The answer's syntax is repaired, its values never; it is checked against
    the full schema (jsonschema-rs), for names that the schema lacks, and each value is looked for in what the model
    saw. An answer with errors is sent back once with its errors by path; what is still wrong is in `Record.problems`.

    Papers: KnowCoder (schemas as classes), Schema-adaptable Knowledge Graph Construction (the schema for the text at
    hand), Schema-Driven Information Extraction from Heterogeneous Tables (error recovery), OneKE (case memory).

    Attributes:
        schema: What `as_record_schema` reads.
        model: A `ChatModel`, or a LangChain chat model.
        options: See `ExtractOptions`.
        pruner: Prunes the chunks by the fields' labels as the query; None for `FieldScorer` with `options.least`.
        cases: Examples for prompts, to which good and bad answers are added; None for none.
        counter: What counts tokens, see `as_counter`.

    Raises:
        UsageError: An argument is of the wrong kind.
        InputError: The schema is invalid, too large, or no record can satisfy it.
        MissingExtraError: jsonschema-rs is not installed (extra `jsonschema`).
    """

    schema: Any
    model: Any
    options: ExtractOptions = ExtractOptions()
    pruner: Pruner | None = None
    cases: CaseMemory | None = None
    counter: Any = None
    _schema: RecordSchema = field(init=False, repr=False, compare=False)
    _checker: RecordChecker = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        schema = as_record_schema(self.schema)
        for name, value, kind in (("options", self.options, ExtractOptions), ("cases", self.cases, CaseMemory)):
            if not isinstance(value, kind) and not (name == "cases" and value is None):
                raise UsageError(f"{name} is {describe_type(value)}", hint=f"give {kind.__name__}(...)")
        if self.pruner is not None and not isinstance(self.pruner, Pruner):
            raise UsageError(f"pruner is {describe_type(self.pruner)}", hint="give Pruner(...)")
        require_satisfiable(schema.source)
        object.__setattr__(self, "_schema", schema)
        object.__setattr__(self, "_checker", RecordChecker(schema))
        object.__setattr__(self, "model", as_chat_model(self.model))
        object.__setattr__(self, "counter", as_counter(self.counter))

    def extract(self, chunks: Any, *, progress: Callable[[int, int], None] | None = None) -> Extraction:
        """The records of all chunks; one that fails is in `Extraction.failures`, and the others go on.

        Args:
            chunks: See `as_chunks`; [] gives none. A chunk of white space is not sent.
            progress: Called with the chunks that are done and all of them; in the calling thread, in their order.

        Raises:
            UsageError: A chunk is of the wrong kind.
            asyncio.CancelledError: The caller cancelled.
        """
        read = as_chunks(chunks)
        workers = min(self.options.workers, max(len(read), 1))
        if workers == 1:
            return _add_up(read, _report_each(map(self._extract, read), len(read), progress))
        with ThreadPoolExecutor(workers, thread_name_prefix="ctxprune-extract") as pool:
            # Each thread starts with a copy of this context, so that traces and cancellation reach it.
            tasks = [pool.submit(copy_context().run, self._extract, chunk) for chunk in read]
            return _add_up(read, _report_each((task.result() for task in tasks), len(read), progress))

    async def aextract(self, chunks: Any) -> Extraction:
        """As `extract`, off the event loop's thread."""
        return await asyncio.to_thread(self.extract, chunks)

    def write_prompt(self, chunk: Any) -> list[Message]:
        """The messages that one chunk would be sent with; nothing is sent.

        Raises:
            UsageError: It is not one chunk.
        """
        read = as_chunks(chunk)
        if len(read) != 1:
            raise UsageError(f"there are {len(read)} chunks", hint="give one")
        return self._prepare(read[0]).messages

    def _extract(self, chunk: Chunk) -> _Outcome:
        outcome = _Outcome()
        if not chunk.text.strip():
            return outcome
        prompt = self._prepare(chunk)
        outcome.full, outcome.sent = self._count(self._write(chunk, chunk.text, None)), self._count(prompt.messages)
        outcome.hidden = tuple(f.path for f in self._schema.fields if f.path not in set(prompt.shown))
        messages, errors, best = prompt.messages, tuple[str, ...](), -float("inf")
        for turn in range(self.options.retries + 1):
            try:
                answer = ask_model(self.model, messages, self.options.sampling)[0]
            except ModelError as error:
                errors = (f"the model failed ({error})",)
                break
            outcome.answers.append(answer)
            try:
                records, errors, restored = self._read(prompt, answer.text)
                self._remember(prompt, records, errors)
            except (InputError, ValueError, OverflowError, RecursionError) as error:
                # What a model writes can be too much for a check; the other chunks go on.
                records, errors, restored = None, (f"the answer cannot be checked ({error})"[:200],), ()
            # A second answer may have lost what the first one had: the better one counts, the later of equal ones.
            if records is not None and (worth := _rate(records, errors)) >= best:
                outcome.records, best = records, worth
            if not errors or turn == self.options.retries:
                break
            if restored:
                prompt = self._prepare(chunk, (*prompt.shown, *restored))
            messages = write_correction(prompt.messages, answer.text, errors)
        if errors and not outcome.records:
            outcome.failure = Failure(chunk.id, _join_errors(errors))
        return outcome

    def _prepare(self, chunk: Chunk, shown: Sequence[str] | None = None) -> _Prompt:
        fields = self._schema.fields
        if shown is None:
            shown = (
                choose_fields(chunk.text, fields, least=self.options.least)
                if self.options.prune_schema
                else [f.path for f in fields]
            )
        wanted = set(shown)
        text, spans = self._prune(chunk.text, [f for f in fields if f.path in wanted])
        return _Prompt(chunk, self._write(chunk, text, tuple(shown)), tuple(shown), spans, text)

    def _write(self, chunk: Chunk, text: str, shown: Sequence[str] | None) -> list[Message]:
        cases = [] if self.cases is None else self.cases.select(self._schema.name, chunk.text, self.options.most_cases)
        return write_messages(write_classes(self._schema, shown), self._schema.name, text, cases)

    def _prune(self, text: str, fields: Sequence[Any]) -> tuple[str, tuple[Span, ...]]:
        """What is kept of a chunk, and the characters that it is."""
        if not self.options.prune_chunk:
            return text, ((0, len(text)),)
        pruner = self.pruner or Pruner(
            FieldScorer(tuple(fields)), Threshold(self.options.least), self.counter, "keep_all"
        )
        context = Passage(text, options=_PASSAGE)
        if len(context.units) < 2:
            return text, ((0, len(text)),)
        pruned = pruner.prune(write_field_query(fields), context)
        return pruned.output, pruned.spans

    def _count(self, messages: Sequence[Message]) -> int:
        return int(sum(self.counter.count_many([message.content for message in messages])))

    def _read(self, prompt: _Prompt, answer: str) -> tuple[list[Record] | None, tuple[str, ...], tuple[str, ...]]:
        """The records of an answer, None where it is no JSON; its errors; and pruned fields that it has values for."""
        try:
            value, repairs = parse_answer(answer)
            found = unwrap_records(value, class_name(self._schema.name), self._schema.root["properties"])
        except InputError as error:
            return None, (error.what,), ()
        errors, restored, records = list[str](), list[str](), list[Record]()
        source = Source(prompt.chunk.text, prompt.spans)
        places = self._find_labels(prompt)
        cut = tuple(f"/: {note}" for note in repairs if note.startswith(("the answer ends", "a part of the answer")))
        errors += cut
        lost = list[str]()
        if len(found) > _MOST_RECORDS:
            cut = (*cut, f"/: the answer has {len(found):,} records, of which the first {_MOST_RECORDS:,} are read")
        for index, data in enumerate(found[:_MOST_RECORDS]):
            shaped = self._checker.shape(data, prompt.shown)
            own = [
                *self._checker.list_errors(shaped.data),
                *(f"{path}: no field of the schema" for path in shaped.unknown),
            ]
            errors += (f"{index}.{error}" for error in own)
            errors += (f"{index}.{path}: was left out of the classes, which now have it" for path in shaped.pruned)
            restored += shaped.pruned_fields
            record = self._support(prompt.chunk, shaped.data, source, places)
            if record.data:
                records.append(replace(record, problems=(*cut, *own, *record.problems)))
            else:
                lost += (f"{index}.{problem}" for problem in record.problems)
        # A record of which every value was dropped is told by the first one that is left, else by the failure.
        if records:
            records[0] = replace(records[0], problems=(*records[0].problems, *lost))
        errors += lost
        return records, tuple(errors), tuple(dict.fromkeys(restored))

    def _find_labels(self, prompt: _Prompt) -> dict[str, Places]:
        """Where the labels of the fields stand, to choose among several places of a value."""
        fields = self._schema.fields
        places: dict[str, list[Span]] = {}
        for mention in find_mentions(prompt.chunk.text, LabelMatcher(fields), fields):
            places.setdefault(fields[mention.field].path, []).append((mention.start, mention.end))
        return {path: Places(spans) for path, spans in places.items()}

    def _support(self, chunk: Chunk, data: dict[str, Any], source: Source, places: dict[str, Places]) -> Record:
        """The record with the evidence of each value."""
        values, dropped = list[ExtractedValue](), list[str]()
        nowhere = Places()
        for path, name, value in walk_leaves(data):
            if value is None:
                continue
            span = source.find(value, self._schema.find_field(name), places.get(name, nowhere))
            if span is None and self.options.unsupported == "drop":
                dropped.append(path)
                continue
            said = "" if span is None else chunk.text[slice(*span)]
            values.append(ExtractedValue(path, value, said, span, float(span is not None)))
        kept = _without(data, set(dropped)) if dropped else data
        return Record(chunk.id, kept, tuple(values), tuple(f"{path}: does not stand in the text" for path in dropped))

    def _remember(self, prompt: _Prompt, records: Sequence[Record] | None, errors: Sequence[str]) -> None:
        if self.cases is None or not records:
            return
        unsupported = [f"{path}: does not stand in the text" for record in records for path in record.unsupported]
        problem = "; ".join([*errors, *unsupported])
        answer = [record.data for record in records]
        self.cases.add(Case(self._schema.name, prompt.text, answer, problem))


def _join_errors(errors: Sequence[str]) -> str:
    more = len(errors) - _MOST_TOLD
    return "; ".join([*errors[:_MOST_TOLD], *([f"and {more:,} more"] if more > 0 else [])])


def _report_each(
    outcomes: Iterable[_Outcome], total: int, progress: Callable[[int, int], None] | None
) -> list[_Outcome]:
    done: list[_Outcome] = []
    for outcome in outcomes:
        done.append(outcome)
        if progress is not None:
            progress(len(done), total)
    return done


def _rate(records: Sequence[Record], errors: Sequence[str]) -> float:
    """Values that stand in the source, less the errors."""
    return sum(value.is_supported for record in records for value in record.values) - len(errors)


def _add_up(chunks: Sequence[Chunk], outcomes: Sequence[_Outcome]) -> Extraction:
    answers = [answer for outcome in outcomes for answer in outcome.answers]
    asked = sum(bool(outcome.answers) for outcome in outcomes)
    return Extraction(
        records=tuple(record for outcome in outcomes for record in outcome.records),
        failures=tuple(outcome.failure for outcome in outcomes if outcome.failure is not None),
        tokens_full=sum(outcome.full for outcome in outcomes),
        tokens_sent=sum(outcome.sent for outcome in outcomes),
        tokens_in=sum(answer.tokens_in for answer in answers),
        tokens_out=sum(answer.tokens_out for answer in answers),
        retries=len(answers) - asked,
        dropped_fields={c.id: o.hidden for c, o in zip(chunks, outcomes, strict=True) if o.hidden},
    )


def _without(data: Any, paths: set[str], prefix: str = "") -> Any:
    """A copy without the leaves at these paths, and without what is then empty."""
    if isinstance(data, dict):
        made = {
            key: _without(value, paths, f"{prefix}{key}.")
            for key, value in data.items()
            if f"{prefix}{key}" not in paths
        }
        return {key: value for key, value in made.items() if value not in ({}, []) or data[key] in ({}, [])}
    if isinstance(data, list):
        return [
            _without(value, paths, f"{prefix}{index}.")
            for index, value in enumerate(data)
            if f"{prefix}{index}" not in paths
        ]
    return data
