"""A store over one of LangGraph's (`BaseStore`): in memory, PostgreSQL, or what a deployment has (extra `agents`)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeAlias

from ctxprune.errors import FormatError
from ctxprune.integrations.recall.base import Owner, RecallStore, StoreLimits, digest, new_id
from ctxprune.integrations.recall.items import StoredItem, decode_item, encode_item

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore

__all__ = ["LangGraphStore"]

_ROOT = "ctxprune_recall"
_PAGE = 500  # values that one search gives: a store may have a limit of its own
_Members: TypeAlias = "dict[str, type | tuple[type, ...]]"
_ITEM: _Members = {"item": str, "time": (float, int), "key": str}
_SIZE: _Members = {"size": int, "time": (float, int), "session": str, "key": str}


class LangGraphStore(RecallStore[StoredItem]):
    """Keeps items in namespaces of their own; names of accounts and sessions are hashed, texts are not indexed.

    LangGraph's stores know no transactions: of two processes that put under one key at the same moment the last one
    stays, and an account may go over its limits by what they put at once. All accounts together are not bounded here.
    A store of coroutines alone must be used off its event loop's thread, as the middleware does.

    Args:
        store: LangGraph's.
        limits: How much it keeps of each account.
    """

    def __init__(self, store: BaseStore, limits: StoreLimits | None = None) -> None:
        self.limits = limits or StoreLimits()
        self._store: Any = store

    def put(self, owner: Owner, item: StoredItem, key: str = "") -> str:
        """See `RecallStore`."""
        text, key = encode_item(item), key or new_id()
        session, account = digest(owner.session), digest(owner.account)
        size = len(text) + len(key) + len(session) + len(account)
        if size > self.limits.account_bytes:
            return ""
        if self.find(owner, key) is not None:
            return key
        now = time.time()
        # Sizes lie apart from texts, so that making room does not read these.
        entry = {"size": size, "time": now, "session": session, "key": key}
        self._make_room(account, size)
        self._put((_ROOT, account, "items", session), _name(key), {"item": text, "time": now, "key": key})
        self._put((_ROOT, account, "sizes"), _name(session, key), entry)
        return key

    def find(self, owner: Owner, key: str) -> StoredItem | None:
        """See `RecallStore`."""
        found = self._store.get((_ROOT, digest(owner.account), "items", digest(owner.session)), _name(key))
        value = None if found is None else _check_value(found.value, _ITEM)
        return None if value is None or self._is_expired(value) else decode_item(value["item"])

    def items(self, owner: Owner) -> list[tuple[str, StoredItem]]:
        """See `RecallStore`."""
        values = self._values((_ROOT, digest(owner.account), "items", digest(owner.session)), _ITEM)
        return [(value["key"], decode_item(value["item"])) for value in values if not self._is_expired(value)]

    def _make_room(self, account: str, size: int) -> None:
        entries = self._values((_ROOT, account, "sizes"), _SIZE)
        total, count = size + sum(entry["size"] for entry in entries), len(entries) + 1
        for entry in entries:
            too_much = total > self.limits.account_bytes or count > self.limits.account_items
            if not too_much and not self._is_expired(entry):
                break
            self._store.delete((_ROOT, account, "items", entry["session"]), _name(entry["key"]))
            self._store.delete((_ROOT, account, "sizes"), _name(entry["session"], entry["key"]))
            total, count = total - entry["size"], count - 1

    def _put(self, namespace: tuple[str, ...], name: str, value: dict[str, Any]) -> None:
        self._store.put(namespace, name, value, index=False)

    def _values(self, namespace: tuple[str, ...], members: _Members) -> list[dict[str, Any]]:
        """All values of a namespace, oldest first."""
        values: list[dict[str, Any]] = []
        while len(page := self._store.search(namespace, limit=_PAGE, offset=len(values))) == _PAGE:
            values += [_check_value(found.value, members) for found in page]
        values += [_check_value(found.value, members) for found in page]
        return sorted(values, key=lambda value: value["time"])

    def _is_expired(self, value: dict[str, Any]) -> bool:
        return self.limits.seconds is not None and value["time"] < time.time() - self.limits.seconds


def _name(*parts: str) -> str:
    # Keys are texts of any kind; not all stores take all of them.
    return digest(*parts)


def _check_value(value: Any, members: _Members) -> dict[str, Any]:
    """A value whose members are of these types.

    Raises:
        FormatError: It is something else: another program writes into this store, too.
    """
    if not isinstance(value, dict) or not all(isinstance(value.get(name), type_) for name, type_ in members.items()):
        raise FormatError("a recall item is damaged")
    return value
