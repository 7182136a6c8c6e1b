"""What is retrieved, in its own form: passages, tables, JSON documents and schemas; and what may be asked of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.utils.lazy import lazy

if TYPE_CHECKING:
    from ctxprune.rag.dedup.report import Deduplicated, Merge
    from ctxprune.rag.dedup.tables import deduplicate_rows, deduplicate_tables
    from ctxprune.rag.dedup.texts import deduplicate, near_duplicates
    from ctxprune.rag.html import HtmlOptions, HtmlPage, HtmlPages
    from ctxprune.rag.jsondocument import JsonDocument
    from ctxprune.rag.jsonschema import JsonSchema, ToolOptions, Tools
    from ctxprune.rag.logs import Log
    from ctxprune.rag.passages.addressed import addressed_units
    from ctxprune.rag.passages.fence import escape_chat_marks, new_fence
    from ctxprune.rag.passages.options import PassageOptions
    from ctxprune.rag.passages.passages import Passage, Passages, sentence_spans
    from ctxprune.rag.policies.distinct import Distinct
    from ctxprune.rag.policies.documents import BestDocuments, TopMean, document_scores
    from ctxprune.rag.policies.neighbours import Neighbours
    from ctxprune.rag.ranking import PassagePruner, RankedPassages
    from ctxprune.rag.tables import Table, TableOptions, prune_file

_HOMES = {
    "BestDocuments": "policies.documents",
    "Deduplicated": "dedup.report",
    "Distinct": "policies.distinct",
    "HtmlOptions": "html",
    "HtmlPage": "html",
    "HtmlPages": "html",
    "JsonDocument": "jsondocument",
    "JsonSchema": "jsonschema",
    "Log": "logs",
    "Merge": "dedup.report",
    "Neighbours": "policies.neighbours",
    "Passage": "passages.passages",
    "PassageOptions": "passages.options",
    "PassagePruner": "ranking",
    "Passages": "passages.passages",
    "RankedPassages": "ranking",
    "Table": "tables",
    "TableOptions": "tables",
    "ToolOptions": "jsonschema",
    "Tools": "jsonschema",
    "TopMean": "policies.documents",
    "addressed_units": "passages.addressed",
    "deduplicate": "dedup.texts",
    "deduplicate_rows": "dedup.tables",
    "deduplicate_tables": "dedup.tables",
    "document_scores": "policies.documents",
    "escape_chat_marks": "passages.fence",
    "near_duplicates": "dedup.texts",
    "new_fence": "passages.fence",
    "prune_file": "tables",
    "sentence_spans": "passages.passages",
}

__all__ = [
    "BestDocuments",
    "Deduplicated",
    "Distinct",
    "HtmlOptions",
    "HtmlPage",
    "HtmlPages",
    "JsonDocument",
    "JsonSchema",
    "Log",
    "Merge",
    "Neighbours",
    "Passage",
    "PassageOptions",
    "PassagePruner",
    "Passages",
    "RankedPassages",
    "Table",
    "TableOptions",
    "ToolOptions",
    "Tools",
    "TopMean",
    "addressed_units",
    "deduplicate",
    "deduplicate_rows",
    "deduplicate_tables",
    "document_scores",
    "escape_chat_marks",
    "near_duplicates",
    "new_fence",
    "prune_file",
    "sentence_spans",
]

__getattr__, __dir__ = lazy(__name__, _HOMES)
