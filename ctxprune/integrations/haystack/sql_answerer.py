"""A component that answers questions from a database."""

# Annotations stay objects: Haystack 2 compares those of `run` as they are, and would connect no input that is a text.
import threading
from typing import Any

from haystack import component, default_to_dict

from ctxprune.errors import UsageError
from ctxprune.integrations._database_urls import find_secrets
from ctxprune.integrations.sql_tools.answer_text import DEFAULT_ROWS, AnswerWriter
from ctxprune.sql.database.database import Database
from ctxprune.sql.pipeline.answer import Answer
from ctxprune.sql.pipeline.pipeline import Pipeline
from ctxprune.utils.cancellation import run_cancellable
from ctxprune.utils.validation import describe_type

__all__ = ["SQLAnswerer"]


_OUTPUTS: dict[str, Any] = {
    "text": str,
    "sql": str,
    "columns": list[str],
    "rows": list[list[Any]],
    "outcome": str,
    "confidence": float,
    "doubts": list[str],
    "reason": str,
}


@component
class SQLAnswerer:
    """Answers questions from a database by a query that is written, checked and run read-only.

    Gives `text` for a prompt, within the budget (see `ctxprune.integrations.sql_tools.answer_text`), and for programs
    `sql`, `columns`, all `rows`, `outcome` ("answered", "tentative" or "unanswered"), `confidence`, `doubts` and
    `reason`. A question without an answer is no error: its outcome is "unanswered".

    A component made with the path or URL of a database can be stored with its pipeline, and opens the database when it
    is first used. One made with a `ctxprune.sql.Pipeline`, or with a URL that holds a password or an option that may be
    one, cannot be stored.

    Args:
        database: Path of a SQLite or DuckDB file, a SQLAlchemy URL, or a pipeline, whose database stays open as long as
            the component is used.
        rows: Rows of the text at most, from 0 up.
        budget: Tokens of the text at most.

    Raises:
        UsageError: A number is out of its range, or `database` is none or a malformed URL.
    """

    # As of `DocumentPruner`: the name that stored pipelines hold.
    __module__ = "ctxprune.integrations.haystack"

    def __init__(self, database: str | Pipeline, rows: int = DEFAULT_ROWS, budget: int = 1000) -> None:
        if not isinstance(database, (str, Pipeline)):
            raise UsageError(f"database is {describe_type(database)}", hint="give a path, a URL or a Pipeline")
        self._secrets = [*find_secrets(database)] if isinstance(database, str) else []
        self._init = {"database": database, "rows": rows, "budget": budget}
        self._writer = AnswerWriter(rows, budget)
        self._pipeline = database if isinstance(database, Pipeline) else None
        self._opened: Database | None = None
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        """Open the database, where it was given by its path or URL.

        Raises:
            DatabaseError: It cannot be opened or read.
        """
        self._open()

    def close(self) -> None:
        """Close the database, where this component opened it; the next question opens it again."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = self._pipeline = None

    def to_dict(self) -> dict[str, Any]:
        """What a stored pipeline holds of it.

        Raises:
            UsageError: It was made with a pipeline, or with a URL that holds a password or an option that may be one.
        """
        target = self._init["database"]
        if not isinstance(target, str):
            raise UsageError("a component on a pipeline cannot be stored", hint="give it the database's path or URL")
        if self._secrets:
            raise UsageError(
                f"the database URL holds {self._secrets[0]}, which may be secret and would be stored",
                hint="leave it to the driver (PGPASSFILE, an option file)",
            )
        return default_to_dict(self, **self._init)  # type: ignore[no-any-return]

    @component.output_types(**_OUTPUTS)
    def run(self, query: str, evidence: str = "") -> dict[str, Any]:
        """The answer; raises as `ctxprune.sql.Pipeline.ask`, and a BudgetError where not even the outcome fits."""
        return self._describe(self._open().ask(query, evidence))

    @component.output_types(**_OUTPUTS)
    async def run_async(self, query: str, evidence: str = "") -> dict[str, Any]:
        """As `run`; cancelling ends the query in the database."""
        pipeline = await run_cancellable(self._open)
        return self._describe(await pipeline.aask(query, evidence))

    def _open(self) -> Pipeline:
        with self._lock:
            if self._pipeline is None:
                database = Database(str(self._init["database"]))
                try:
                    self._pipeline = Pipeline(database)
                except BaseException:  # else each further call would leave another one open
                    database.close()
                    raise
                self._opened = database
            return self._pipeline

    def _describe(self, answer: Answer) -> dict[str, Any]:
        return {
            "text": self._writer.write(answer),
            "sql": answer.sql,
            "columns": list(answer.columns),
            "rows": [list(row) for row in answer.rows],
            "outcome": str(answer.outcome),
            "confidence": answer.confidence,
            "doubts": [str(doubt) for doubt in answer.doubts],
            "reason": answer.reason,
        }
