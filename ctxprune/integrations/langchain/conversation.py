"""Which conversation a run of an agent belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ctxprune.errors import UsageError
from ctxprune.integrations.recall import Owner
from ctxprune.utils.validation import describe_type

__all__ = ["Namespace", "check_namespace", "read_config", "read_owner"]

Namespace = str | Callable[[Mapping[str, Any]], str]


def check_namespace(namespace: Any) -> None:
    """Refuse what is neither a text nor a function.

    Raises:
        UsageError: It is something else.
    """
    if not isinstance(namespace, str) and not callable(namespace):
        hint = "give a text, or a function that gives one"
        raise UsageError(f"namespace is {describe_type(namespace)}", hint=hint)


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
            namespace share the room of an account in a store; with "" each conversation is an account.

    Raises:
        UsageError: The namespace is no text, or its function gives "".
    """
    thread = (config.get("configurable") or {}).get("thread_id")
    if thread is None or thread == "":
        return None
    # Tagged, so that a thread never shares the account of a namespace of that name, and pushes out nothing of it.
    if namespace == "":
        return Owner(f"thread:{thread}")
    name = namespace(config) if callable(namespace) else namespace
    if not isinstance(name, str) or not name:
        told = "''" if name == "" else describe_type(name)
        # A user without a name would share the conversations of all others that have none.
        raise UsageError(f"the namespace of a run is {told}", hint="let the function give a text for each user")
    return Owner(f"namespace:{name}", str(thread))
