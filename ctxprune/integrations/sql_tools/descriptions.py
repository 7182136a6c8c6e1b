"""What models are told about the tools on a database."""

from __future__ import annotations

__all__ = ["DESCRIPTIONS"]

DESCRIPTIONS = {
    "link_schema": (
        "The tables and columns that a question needs, with keys, example values and the stored values it mentions. "
        "Call it before you write SQL."
    ),
    "find_values": "Where and how the names and terms of a text are stored, for conditions in SQL.",
    "check_sql": "Whether a statement may run: one SELECT on visible tables and columns. It is not run.",
    "run_sql": (
        "Runs one read-only SELECT within limits. Where not all rows fit into the reply, those stay that `question` "
        "needs, and `note` says what is missing."
    ),
    "ask": (
        "Answers a question by a query that is written, checked and run here, with the confidence and the doubts. The "
        "tool to try first. Ask one thing at a time, with all names and numbers it is about."
    ),
}
"""By the name of the tool, in the order in which they are listed."""
