"""SParC and CoSQL: questions of a conversation, each answered with what was said before it."""

from __future__ import annotations

import hashlib
import json
import random
import re
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError, UsageError
from ctxprune.utils.percent import percent_or_none

from ..database.database import Database
from ..pipeline.conversation import Conversation
from .datasets import find_databases, read_schemas
from .trust.ask import judge_answer
from .trust.collect import collect_judgements, run_header
from .trust.figures import figures
from .trust.questions import Question, read_records
from .trust.rules import SpiderRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ..pipeline.pipeline import Pipeline
    from ..schema.schema import Schema
    from .run import ModelWatch
    from .trust.ask import MakePipeline
    from .trust.judgement import Judgement

__all__ = [
    "ConversationSet",
    "Talk",
    "ask_conversations",
    "conversation_figures",
    "load_conversations",
    "read_exchange",
]

_FILES = {"dev": ("dev.jsonl", "dev.json"), "train": ("train.jsonl", "train.json")}
_RULE = SpiderRows()
_EXCHANGE = " | "
_CONFIRMS = re.compile(r"(?:yes|yeah|yep|yup|sure|ok|okay|correct|right|exactly|please|thanks|no)\b", re.IGNORECASE)
_OWN_WORDS = 5  # of an answer that is taken for a question of its own


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation.

    Attributes:
        id: The set's own name of it.
        db_id: Its database.
        turns: Its questions in order; one whose reference does not run has no reference.
    """

    id: str
    db_id: str
    turns: tuple[Question, ...]

    @property
    def indices(self) -> tuple[int, ...]:
        """Of its judgements, one a turn."""
        return tuple(turn.index for turn in self.turns)


@dataclass(frozen=True)
class ConversationSet:
    """A loaded set.

    Attributes:
        name: Of its folder.
        talks: All conversations, in file order.
        databases: Paths of the SQLite files that are there, by db_id.
        schemas: Documented schemas, by db_id.
    """

    name: str
    talks: tuple[Talk, ...]
    databases: Mapping[str, Path]
    schemas: Mapping[str, Schema]

    @property
    def present(self) -> tuple[Talk, ...]:
        """The conversations whose database is there."""
        return tuple(talk for talk in self.talks if talk.db_id in self.databases)

    @property
    def skipped(self) -> int:
        """Turns that cannot be scored: the database is absent, or the reference does not run."""
        return sum(talk.db_id not in self.databases or not turn.golds for talk in self.talks for turn in talk.turns)

    @property
    def fingerprint(self) -> str:
        """Whether two runs saw the same data: sha256 (16 hex digits) of questions, references and sizes of files."""
        digest = hashlib.sha256()
        for talk in self.talks:
            digest.update(json.dumps([talk.id, talk.db_id, [[turn.text, turn.golds] for turn in talk.turns]]).encode())
        for name in sorted(self.databases):
            digest.update(f"{name} {self.databases[name].stat().st_size}\n".encode())
        return digest.hexdigest()[:16]

    def limited(self, most: int, *, seed: int = 0) -> ConversationSet:
        """At most so many conversations: of each database in turn a random one."""
        queues: dict[str, list[int]] = {}
        for place, talk in enumerate(self.talks):
            if talk.db_id in self.databases:
                queues.setdefault(talk.db_id, []).append(place)
        rng = random.Random(seed)
        for queue in queues.values():
            rng.shuffle(queue)
        turns = sorted((turn, place) for queue in queues.values() for turn, place in enumerate(queue))
        kept = sorted(place for _, place in turns[:most])
        return replace(self, talks=tuple(self.talks[place] for place in kept))


def load_conversations(data: Path, *, schemas: Path | None = None, split: str = "dev") -> ConversationSet:
    """Read a folder of conversations, one JSON object a line.

    Each has `id`, `db_id` and `turns`, a list of objects with `question`, `sql` and `runs`.

    Args:
        data: The folder.
        schemas: Where schemas and databases are; default: the folder `spider` beside it.
        split: "dev" or "train".

    Raises:
        InputError: A folder is missing, or a file damaged.
        UsageError: There is no such split.
    """
    if split not in _FILES:
        raise UsageError(f"split {split!r} is not one of: {', '.join(sorted(_FILES))}")
    for folder in (data, *(() if schemas is None else (schemas,))):
        if not folder.is_dir():
            raise InputError("no such folder", where=str(folder))
    file = next((data / name for name in _FILES[split] if (data / name).is_file()), None)
    if file is None:
        raise InputError(f"no {split} conversations found", where=str(data), hint=f"looked for: {_FILES[split][0]}")
    talks: list[Talk] = []
    count = 0
    for place, row in enumerate(read_records(file)):
        talks.append(_talk(row, count, f"{file.name}, conversation {place}"))
        count += len(talks[-1].turns)
    folders = (data, schemas if schemas is not None else data.resolve().parent / "spider")
    paths = find_databases(folders, {talk.db_id for talk in talks})
    return ConversationSet(data.resolve().name, tuple(talks), paths, read_schemas(folders))


def ask_conversations(
    conversations: ConversationSet,
    make_pipeline: MakePipeline,
    *,
    log: Path | None = None,
    options: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Judgement, ...]:
    """Hold every conversation whose database is there; one judgement a turn, in the set's order.

    A turn sees the earlier questions and the answers that they got, right or wrong. One without a reference is asked,
    since later ones may refer to it, and is not scored.

    Args:
        conversations: The set.
        make_pipeline: Called once a database that has turns left.
        log: File that keeps each judgement; a run that was stopped goes on with the first conversation that is not
            complete there.
        options: What the answers depend on beside the data (JSON-safe); a log of other options is refused.
        progress: Told (done, total) after each turn.

    Raises:
        UsageError: No conversation has a database.
        InputError, FormatError, ModelError: As `ctxprune.sql.evaluation.trust.ask.ask_questions`.
    """
    present = conversations.present
    if not present:
        raise UsageError(
            "no conversation has a database here", where=conversations.name, hint="name a folder with --schemas"
        )

    def ask(left: Sequence[Talk], watch: ModelWatch) -> Iterator[Judgement]:
        return _ask_database(conversations, left, make_pipeline, watch)

    header = run_header(conversations.name, conversations.fingerprint, options)
    done = collect_judgements(present, ask, header, log=log, progress=progress)
    return tuple(done[turn.index] for talk in present for turn in talk.turns)


def conversation_figures(judgements: Sequence[Judgement]) -> dict[str, Any]:
    """`figures` of all turns, and what belongs to conversations.

    `turns` counts the scored turns and `question_match` is the share right of them, in percent, the same as `ex`.
    `interactions` counts the conversations with a scored turn, and `interaction_match` is the share of them in which
    every scored turn is right. `by_turn`: right and number by position, "1" to "4+"; `by_kind`: the same by how the
    follow-up was completed.
    """
    talks: dict[str, list[Judgement]] = {}
    by_turn: dict[str, list[bool]] = {}
    by_kind: dict[str, list[bool]] = {}
    for judgement in judgements:
        turns = talks.setdefault(judgement.group, [])
        turns.append(judgement)
        if judgement.scored:
            by_turn.setdefault(str(len(turns)) if len(turns) < 4 else "4+", []).append(judgement.right)
            by_kind.setdefault(judgement.kind if len(turns) > 1 else "first", []).append(judgement.right)
    scored = [[turn.right for turn in turns if turn.scored] for turns in talks.values()]
    whole = [all(rights) for rights in scored if rights]
    return {
        "turns": sum(map(len, scored)),
        "question_match": percent_or_none(right for rights in scored for right in rights),
        "interactions": len(whole),
        "interaction_match": percent_or_none(whole),
        **figures(judgements),
        "by_turn": _shares(by_turn),
        "by_kind": _shares(by_kind),
    }


def _shares(groups: Mapping[str, Sequence[bool]]) -> dict[str, dict[str, Any]]:
    return {name: {"turns": len(groups[name]), "ex": percent_or_none(groups[name])} for name in sorted(groups)}


def read_exchange(text: str) -> str:
    """What is asked in the end by a question with a clarification in it, "question | did you mean …? | answer".

    CoSQL joins such an exchange, the user's and the system's words in turn, into one question. An answer that is a
    question of its own stands for the whole exchange; any other ("yes", "all of them") confirms the first question, or
    is added to it.
    """
    parts = [part.strip() for part in text.split(_EXCHANGE)]
    said = [part for part in parts[::2] if part]
    if len(parts) == 1 or not said:
        return text
    first, last = said[0], said[-1]
    if len(said) == 1 or _CONFIRMS.match(last):
        return first
    return last if len(last.split()) >= _OWN_WORDS else f"{first} {last}"


def _ask_database(
    conversations: ConversationSet, talks: Sequence[Talk], make_pipeline: MakePipeline, watch: ModelWatch
) -> Iterator[Judgement]:
    name = talks[0].db_id
    with Database(conversations.databases[name], name=name) as database:
        schema = database.schema()
        if name in conversations.schemas:
            schema = schema.enriched(conversations.schemas[name])
        pipeline = make_pipeline(database, schema)
        for talk in talks:
            yield from _hold(talk, database, pipeline, watch)


def _hold(talk: Talk, database: Database, pipeline: Pipeline, watch: ModelWatch) -> Iterator[Judgement]:
    conversation = Conversation(pipeline)
    for turn in talk.turns:
        start = perf_counter()
        answer = conversation.ask(read_exchange(turn.text))
        ms = (perf_counter() - start) * 1e3
        watch.saw(answer.trace)
        rewritten = answer.trace.rewritten
        judgement = judge_answer(database, turn, answer, _RULE, ms=ms)
        yield replace(judgement, group=talk.id, kind="" if rewritten is None else rewritten.kind)


def _talk(row: dict[str, Any], first: int, where: str) -> Talk:
    name, db_id, turns = row.get("id"), row.get("db_id"), row.get("turns")
    if not isinstance(name, str) or not isinstance(db_id, str) or not isinstance(turns, list) or not turns:
        raise InputError("a conversation lacks id, db_id or turns", where=where)
    return Talk(name, db_id, tuple(_turn(turn, db_id, first + place, where) for place, turn in enumerate(turns)))


def _turn(row: Any, db_id: str, index: int, where: str) -> Question:
    text = row.get("question") if isinstance(row, dict) else None
    gold, runs = (row.get("sql"), row.get("runs", True)) if isinstance(row, dict) else (None, None)
    if not isinstance(text, str) or not text.strip() or not isinstance(gold, str) or not isinstance(runs, bool):
        raise InputError("a turn lacks question, sql or runs", where=where)
    return Question(index, db_id, text, (gold,) if runs else ())
