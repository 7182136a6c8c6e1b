"""JSON schemas and tool definitions: their properties as units, and witnesses of what they allow."""

from __future__ import annotations

from ctxprune.rag.jsonschema.schema import JsonSchema
from ctxprune.rag.jsonschema.tools import ToolOptions, Tools
from ctxprune.rag.jsonschema.witness import Projection, Witness, check_projection, require_satisfiable, witness

__all__ = [
    "JsonSchema",
    "Projection",
    "ToolOptions",
    "Tools",
    "Witness",
    "check_projection",
    "require_satisfiable",
    "witness",
]
