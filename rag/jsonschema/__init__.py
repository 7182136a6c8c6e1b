"""JSON schemas and tool definitions: their properties as units, and witnesses of what they allow."""

from __future__ import annotations

from .compliance import Compliance, check_compliance
from .schema import JsonSchema
from .tools import ToolOptions, Tools
from .witness import Projection, Witness, check_projection, require_satisfiable, witness

__all__ = [
    "Compliance",
    "JsonSchema",
    "Projection",
    "ToolOptions",
    "Tools",
    "Witness",
    "check_compliance",
    "check_projection",
    "require_satisfiable",
    "witness",
]
