"""Questions on databases: values, schema linking, SQL generation, execution and selection.

    from ctxprune.sql import Database, Pipeline

    with Database("shop.sqlite") as database:
        answer = Pipeline(database).ask("How many customers are in sao paulo?")
        answer.sql, answer.rows, answer.trace

Names are imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.utils.lazy import lazy

if TYPE_CHECKING:
    from .database.database import Database
    from .database.limits import Limits
    from .database.result_set import ResultSet
    from .generate.base import GENERATORS, Candidate, Generator, Request
    from .generate.chat import ChatGenerator
    from .generate.sketch import SketchGenerator
    from .guard import Guard
    from .knowledge import Knowledge
    from .linking.base import LINKERS, Linked, Linker
    from .linking.ranked import RankedLinker
    from .pipeline.conversation import Conversation
    from .pipeline.pipeline import Answer, Pipeline, PipelineConfig
    from .render.base import RENDERERS
    from .rewrite.base import REWRITERS
    from .schema.schema import Column, ColumnRef, ForeignKey, Schema, Table
    from .select.base import SELECTORS, Selector
    from .select.vote import VoteSelector
    from .values.base import ValueHit
    from .values.index import ValueIndex

_HOMES = {
    "GENERATORS": "generate.base",
    "LINKERS": "linking.base",
    "RENDERERS": "render.base",
    "REWRITERS": "rewrite.base",
    "SELECTORS": "select.base",
    "Answer": "pipeline.pipeline",
    "Candidate": "generate.base",
    "ChatGenerator": "generate.chat",
    "Column": "schema.schema",
    "ColumnRef": "schema.schema",
    "Conversation": "pipeline.conversation",
    "Database": "database.database",
    "ForeignKey": "schema.schema",
    "Generator": "generate.base",
    "Guard": "guard",
    "Knowledge": "knowledge",
    "Limits": "database.limits",
    "Linked": "linking.base",
    "Linker": "linking.base",
    "Pipeline": "pipeline.pipeline",
    "PipelineConfig": "pipeline.pipeline",
    "RankedLinker": "linking.ranked",
    "Request": "generate.base",
    "ResultSet": "database.result_set",
    "Schema": "schema.schema",
    "Selector": "select.base",
    "SketchGenerator": "generate.sketch",
    "Table": "schema.schema",
    "ValueHit": "values.base",
    "ValueIndex": "values.index",
    "VoteSelector": "select.vote",
}

__all__ = [
    "GENERATORS",
    "LINKERS",
    "RENDERERS",
    "REWRITERS",
    "SELECTORS",
    "Answer",
    "Candidate",
    "ChatGenerator",
    "Column",
    "ColumnRef",
    "Conversation",
    "Database",
    "ForeignKey",
    "Generator",
    "Guard",
    "Knowledge",
    "Limits",
    "Linked",
    "Linker",
    "Pipeline",
    "PipelineConfig",
    "RankedLinker",
    "Request",
    "ResultSet",
    "Schema",
    "Selector",
    "SketchGenerator",
    "Table",
    "ValueHit",
    "ValueIndex",
    "VoteSelector",
]

__getattr__, __dir__ = lazy(__name__, _HOMES)
