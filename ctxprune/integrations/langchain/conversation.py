"""Which conversation a run of an agent belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ctxprune.errors import UsageError
from ctxprune.integrations.recall import Owner

__all__ = ["Namespace", "read_config", "read_owner"]

Namespace = str | Callable[[Mapping[str, Any]], str]


def read_config() -> Mapping[str, Any]:
    """The config of the run that this is called in; {} outside of one."""
    try:
        from langgraph.config import get_config
    except ImportError:  # without the extra `agents` there are no runs with threads
        return {}
    try:
        return get_config()
    except RuntimeError:
        return {}


def read_owner(config: Mapping[str, Any], namespace: Namespace = "") -> Owner | None:
    """Whose conversation a run belongs to: its `thread_id`; None for a run without one.

    Args:
        config: Of the run.
        namespace: Keeps apart conversations of several users, who may choose the same `thread_id`. All of one
            namespace share the room of an account in a store; without one each conversation is an account.

    Raises:
        UsageError: The namespace is no text.
    """
    thread = (config.get("configurable") or {}).get("thread_id")
    if thread is None or thread == "":
        return None
    name = namespace(config) if callable(namespace) else namespace
    if not isinstance(name, str):
        raise UsageError(f"namespace is a {type(name).__name__}", hint="give a text, or a function that gives one")
    # One session is "" and the other is not, so that a thread never is what is kept for a namespace of that name.
    return Owner(name, str(thread)) if name else Owner(str(thread))
