"""Collects the judgements of a run, database by database, with a log from which a run that was stopped goes on."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import ctxprune

from ..journal import Journal
from ..run import ModelWatch
from .judgement import Judgement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = ["Asked", "collect_judgements", "run_header"]


class Asked(Protocol):
    """What is asked in one piece: a question, or a conversation."""

    @property
    def db_id(self) -> str:
        """Its database."""

    @property
    def indices(self) -> Sequence[int]:
        """Of the judgements that it gives."""


A = TypeVar("A", bound=Asked)


def run_header(name: str, fingerprint: str, options: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the log of a run says of it: the set, its data, what the answers depend on beside it, and our version."""
    return {"set": name, "data": fingerprint, "options": dict(options or {}), "version": ctxprune.__version__}


def collect_judgements(
    pieces: Sequence[A],
    ask: Callable[[Sequence[A], ModelWatch], Iterable[Judgement]],
    header: Mapping[str, Any],
    *,
    log: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[int, Judgement]:
    """The judgements of all pieces by index; pieces that the log holds whole are not asked again.

    Args:
        pieces: What is asked.
        ask: Called once a database that has pieces left, with these; gives their judgements one by one.
        header: What the judgements depend on (`run_header`); a log of another run is refused.
        log: File that keeps each judgement; None for none.
        progress: Told (done, total) after each judgement.

    Raises:
        InputError, FormatError: As `Journal`.
        ModelError: On three questions in a row model calls failed and none gave an answer.
    """
    total = sum(len(piece.indices) for piece in pieces)
    with ExitStack() as stack:
        journal = None if log is None else stack.enter_context(Journal(log, header, Judgement.load))
        done = {} if journal is None else dict(journal.done)
        watch = ModelWatch()
        for db_id in dict.fromkeys(piece.db_id for piece in pieces):
            left = [one for one in pieces if one.db_id == db_id and not done.keys() >= set(one.indices)]
            for judgement in ask(left, watch) if left else ():
                if judgement.index in done:  # asked again for the sake of the turns behind it
                    continue
                done[judgement.index] = judgement
                if journal is not None:
                    journal.add(judgement)
                if progress is not None:
                    progress(len(done), total)
    return done
