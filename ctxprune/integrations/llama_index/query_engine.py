"""A query engine on the database of a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.response.schema import Response

from ctxprune.integrations.sql_tools.answer_text import DEFAULT_ROWS, AnswerWriter

if TYPE_CHECKING:
    from llama_index.core.callbacks.base import CallbackManager
    from llama_index.core.schema import QueryBundle

    from ctxprune.sql.pipeline.answer import Answer
    from ctxprune.sql.pipeline.pipeline import Pipeline

__all__ = ["SQLQueryEngine"]


class SQLQueryEngine(BaseQueryEngine):
    """Answers questions on the database of a pipeline.

    The response is text within the budget (see `ctxprune.integrations.sql_tools.answer_text`); its metadata is the
    whole answer as plain data (`ctxprune.sql.Answer.to_dict`, without trace): among it `sql`, `columns`, all `rows`,
    `outcome`, `confidence`, `doubts` and `reason`. A question without an answer is a response with the outcome
    "unanswered".

    Args:
        pipeline: What answers; its database stays open as long as the engine is used.
        rows: Rows of the text at most, from 0 up.
        budget: Tokens of the text at most.
        counter: Counts tokens; see `ctxprune.as_counter`.
        callback_manager: Of LlamaIndex.

    Raises:
        UsageError: A number is out of its range; when run: the question is empty or too long.
        BudgetError: When run: not even the outcome fits into the budget.
        DatabaseError: When run: the database itself cannot be used.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        rows: int = DEFAULT_ROWS,
        budget: int = 1000,
        counter: Any = None,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        super().__init__(callback_manager=callback_manager)
        self._pipeline, self._writer = pipeline, AnswerWriter(rows, budget, counter)

    def _get_prompt_modules(self) -> dict[str, Any]:
        return {}

    def _query(self, query_bundle: QueryBundle) -> Response:
        return self._respond(self._pipeline.ask(query_bundle.query_str))

    async def _aquery(self, query_bundle: QueryBundle) -> Response:
        return self._respond(await self._pipeline.aask(query_bundle.query_str))

    def _respond(self, answer: Answer) -> Response:
        return Response(self._writer.write(answer), metadata=answer.to_dict(trace=False))
