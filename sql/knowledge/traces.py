"""Answers worth teaching out of traces of `sql ask`: a model's own query, where different queries give equal rows.

Costello and others, Think, Prune, Train, Improve: Scaling Reasoning without Scaling Models, 2025: a model learns from
its own solutions, of which only right ones are kept. The paper compares with known answers. Differs: none are known
here, so agreement in execution stands for being right, which it is not always (queries may share a mistake); and what
is kept is recalled into prompts, where the paper tunes the model.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.storage.sealed import parse_json
from ctxprune.utils.validation import check_whole, is_whole

from ..database.equality import is_hollow, result_key
from ..database.limits import Limits
from .entries import Pair, entry_key

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence
    from pathlib import Path

    from ..database.database import ResultSet
    from ..guard.execution import GuardedRunner
    from .check import Checker

__all__ = ["TRACE_LIMITS", "TracedQuestion", "TracedVerdict", "check_traces", "read_traces"]

TRACE_LIMITS = Limits(seconds=5.0, rows=10_000, bytes=8_000_000)
"""Of each query of a trace that is run again."""
_FORMAT, _VERSION = "ctxprune-trace", 1
_MOST_BYTES = 256_000_000
_MOST_QUERIES = 64  # of a question that are run; more of them are the same mistakes
_MOST_SECONDS = 30.0  # for all queries of a question: 64 that each just meet their limit would take minutes
_LONGEST_QUERY = 20_000  # characters; a pair holds no longer one


@dataclass(frozen=True, slots=True)
class TracedQuestion:
    """What a trace says of one question.

    Attributes:
        where: "line 3" or "trace 3" of the file, for messages.
        question, database: As in the trace.
        queries: The texts that ran, or else were generated, in order; nothing that the trace says of their results is
            believed.
        answer: The text that was chosen; "" where the question was refused.
    """

    where: str
    question: str
    database: str
    queries: tuple[str, ...]
    answer: str


@dataclass(frozen=True, slots=True)
class TracedVerdict:
    """Whether a question's query is kept, and why.

    Attributes:
        question: The question.
        pair: The answered question; None where it is left.
        reason: Why it is kept or left.
    """

    question: str
    pair: Pair | None
    reason: str


def read_traces(path: Path) -> tuple[TracedQuestion, ...]:
    """The traces of a file: one JSON document, an array, or JSON lines; of `sql ask --trace` or `--json --show-trace`.

    Raises:
        InputError: The file cannot be read, is larger than 256 MB, holds no trace, or one of them is none; the message
            says which.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except (OSError, ValueError) as error:  # the latter for a path with a NUL character, and for what is no UTF-8
        raise InputError(f"the traces cannot be read: {error}", where=str(path)) from error
    if len(raw) > _MOST_BYTES:
        raise InputError(f"the file has over {_MOST_BYTES} bytes", where=str(path), hint="divide it")
    found = []
    for where, document in _documents(text, path):
        try:
            found.append(_traced(where, document))
        except FormatError as error:
            hint = "give what `ctxprune sql ask --trace FILE` or `--json --show-trace` writes"
            raise InputError(f"{where}: {error.what}", where=str(path), hint=hint) from error
    if not found:
        raise InputError("the file holds no traces", where=str(path))
    return tuple(found)


def _documents(text: str, path: Path) -> Iterator[tuple[str, Any]]:
    try:
        # one document first: a trace with line breaks is no JSON lines, but each of JSON lines alone is a document
        whole = parse_json(text) if text.strip() else []
    except (ValueError, RecursionError):
        whole = None
    if whole is not None:
        entries = whole if isinstance(whole, list) else [whole]
        yield from ((f"trace {number}", entry) for number, entry in enumerate(entries, 1))
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                document = parse_json(line)
            except (ValueError, RecursionError) as error:
                raise InputError(f"line {number} is not JSON ({error})", where=str(path)) from error
            yield f"line {number}", document


def _traced(where: str, document: Any) -> TracedQuestion:
    trace = document.get("trace", document) if isinstance(document, dict) else document
    if not isinstance(trace, dict) or trace.get("format") != _FORMAT:
        raise FormatError("it is not a trace")
    if trace.get("version") != _VERSION:
        raise FormatError(f"its version is {trace.get('version')!r}, this ctxprune reads {_VERSION}")
    question, database, candidates = trace.get("question"), trace.get("database"), trace.get("candidates")
    if not isinstance(question, str) or not isinstance(database, str) or not isinstance(candidates, list):
        raise FormatError("it lacks a question, a database or candidates")
    queries = tuple(map(_query, candidates))
    chosen = trace.get("chosen")
    if chosen is not None and not (is_whole(chosen) and 0 <= chosen < len(queries)):
        raise FormatError(f"chosen is {chosen!r}, and there are {len(queries)} candidates")
    return TracedQuestion(where, question, database, queries, "" if chosen is None else queries[chosen])


def _query(candidate: Any) -> str:
    """What ran of a candidate, after repair, or else what was generated."""
    texts = [candidate.get("ran"), candidate.get("sql")] if isinstance(candidate, dict) else []
    if not texts or not all(text is None or isinstance(text, str) for text in texts):
        raise FormatError("a candidate is not an object with sql")
    return next(filter(None, texts), "")


def check_traces(
    traces: Iterable[TracedQuestion], runner: GuardedRunner, checker: Checker, *, database: str, agree: int = 2
) -> Iterator[TracedVerdict]:
    """For each question of the traces whether its query is kept, and why, in the order of their first traces.

    All queries are run again, behind the runner's guard and under its limits. A query is kept where it was chosen,
    `agree` queries or more of different texts give its rows in any order, more than give any other result, and the rows
    say something: not nothing, NULL alone, or 0 alone. Texts that differ in blanks, case, comments and a closing
    semicolon alone count once. Traces of the same question are judged together.

    Args:
        traces: Of `read_traces`.
        runner: Runs queries; it only ever reads.
        checker: Checks what is learned against the schema.
        database: Name of the database: traces of others are left.
        agree: Different queries that have to agree, 2 or more.

    Raises:
        UsageError: `agree` is below 2.
        DatabaseError: The database cannot be used.
    """
    check_whole("agree", agree, minimum=2)
    groups: defaultdict[str, list[TracedQuestion]] = defaultdict(list)
    for trace in traces:
        try:
            key = entry_key(Pair(trace.question, trace.answer or "SELECT 1"))
        except UsageError as error:
            yield TracedVerdict(trace.question, None, f"{trace.where}: {error.what}")
            continue
        if trace.database.casefold() != database.casefold():
            yield TracedVerdict(trace.question, None, f"{trace.where} is of another database, {trace.database[:100]!r}")
            continue
        groups[key].append(trace)
    for same in groups.values():
        yield _judge(same, runner, checker, agree)


@dataclass
class _Results:
    """The different texts of each result, and why texts gave none."""

    texts: defaultdict[Hashable, set[str]] = field(default_factory=lambda: defaultdict(set))
    results: dict[Hashable, ResultSet] = field(default_factory=dict)
    keys: dict[str, Hashable] = field(default_factory=dict)  # of each text that ran, as it stands in the trace
    ran: dict[str, str] = field(default_factory=dict)  # what the guard made of each of them
    why: dict[str, str] = field(default_factory=dict)  # of each text without a result
    late: bool = False  # whether some were not run, since the others took too long


def _judge(traces: Sequence[TracedQuestion], runner: GuardedRunner, checker: Checker, agree: int) -> TracedVerdict:
    question = traces[0].question
    answers = list(dict.fromkeys(trace.answer for trace in traces if trace.answer))
    if not answers:
        return TracedVerdict(question, None, "no query was chosen")
    # answers first: whatever the limit leaves out, they are run
    found = _run(list(dict.fromkeys([*answers, *(text for trace in traces for text in trace.queries if text)])), runner)
    reason = _disagreement(answers, found, agree)
    if reason:
        return TracedVerdict(question, None, reason)
    key, sql = found.keys[answers[0]], found.ran[answers[0]]
    count, rows = len(found.texts[key]), len(found.results[key].rows)
    try:
        pair = checker.learned(Pair(question, sql))
    except (InputError, UsageError) as error:
        return TracedVerdict(question, None, error.what)
    said = f"{count} different queries give the same {rows} row{'' if rows == 1 else 's'}"
    return TracedVerdict(question, pair if isinstance(pair, Pair) else None, said)


def _run(texts: Sequence[str], runner: GuardedRunner) -> _Results:
    found = _Results()
    end = monotonic() + _MOST_SECONDS
    for text in texts[:_MOST_QUERIES]:
        if monotonic() > end:
            found.late = True
            break
        if len(text) > _LONGEST_QUERY:
            found.why[text] = f"it is longer than {_LONGEST_QUERY} characters"
            continue
        outcome = runner.run(text)
        if outcome.result is None:
            found.why[text] = outcome.error
            continue
        if outcome.result.truncated:  # nothing is known of the rest
            found.why[text] = f"its result is cut off at {len(outcome.result.rows)} rows"
            continue
        key = result_key(outcome.result, ordered=False)
        found.keys[text], found.ran[text] = key, outcome.sql
        found.results.setdefault(key, outcome.result)
        found.texts[key].add(_form(outcome.sql))
    return found


def _disagreement(answers: Sequence[str], found: _Results, agree: int) -> str:
    """Why the answers are not kept; "" where enough queries agree with all of them."""
    if found.late:
        return f"its queries take over {_MOST_SECONDS:g} seconds together"
    for answer in answers:
        if answer not in found.keys:
            return f"the chosen query fails: {found.why.get(answer, 'it was not run')}"
    key = found.keys[answers[0]]
    if any(found.keys[answer] != key for answer in answers):
        return "traces of this question chose queries with different results"
    votes = {own: len(texts) for own, texts in found.texts.items()}
    if votes[key] < agree:
        failed = f", {len(found.why)} failed" if found.why else ""
        return f"{votes[key]} of {sum(votes.values())} different queries give its result{failed}; {agree} are needed"
    if any(count >= votes[key] for own, count in votes.items() if own != key):
        return "as many queries give another result"
    return (
        "its result is empty, NULL or 0, which wrong queries give as well" if _says_little(found.results[key]) else ""
    )


def _says_little(result: ResultSet) -> bool:
    zero = len(result.rows) == 1 and len(result.rows[0]) == 1 and result.rows[0][0] == 0
    return zero or is_hollow(result)


def _form(sql: str) -> str:
    # case inside quotes is lost too: 'a' and 'A' count as one text, so fewer queries agree, never more
    return " ".join(sql.split()).rstrip("; ").casefold()
