"""What every store of left-out content can do, and for whom it keeps it."""

from __future__ import annotations

import hashlib
import secrets
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ctxprune.errors import InputError
from ctxprune.utils.validation import check_number, check_whole

__all__ = ["Owner", "RecallStore", "Sized", "StoreLimits", "digest", "new_id"]

_ID_BYTES = 16  # random, 128 bits: whoever guesses ids finds none


class Sized(Protocol):
    """What a store keeps."""

    @property
    def size(self) -> int:
        """Bytes that it takes in memory, about."""
        ...


Item = TypeVar("Item", bound=Sized)


@dataclass(frozen=True)
class Owner:
    """For whom something is kept.

    Attributes:
        account: Whose room it takes.
        session: Of the account; "" where its clients have none.
    """

    account: str
    session: str = ""


@dataclass(frozen=True)
class StoreLimits:
    """How much a store keeps. Where there is no room the oldest items go, first those of the same account.

    Attributes:
        total_bytes: Of all items. Redis and LangGraph's stores have limits of their own for that.
        account_bytes: Of those of one account.
        account_items: Items of one account.
        seconds: How long an item is kept; None for as long as there is room.

    Raises:
        UsageError: A number is out of its range.
    """

    total_bytes: int = 256_000_000
    account_bytes: int = 64_000_000
    account_items: int = 1_000
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name in ("total_bytes", "account_bytes", "account_items"):
            check_whole(name, getattr(self, name))
        check_number("seconds", self.seconds, over=0, optional=True)


class RecallStore(ABC, Generic[Item]):
    """Keeps items, each for one owner, within limits. Safe to share between threads.

    A caller that gives no key gets one that cannot be guessed. An item under a given key is never replaced, so that of
    several writers the first one decides for all. Whoever is not the owner gets the same answer for a key that is
    another's as for one that never was.
    """

    @abstractmethod
    def put(self, owner: Owner, item: Item, key: str = "") -> str:
        """Keep an item, unless there already is one under this key.

        Args:
            owner: Who gets it back.
            item: What a reply or message left out.
            key: "" for a new random one; else unique for this owner.

        Returns:
            Its key; "" where the item alone is larger than an account's room, and is not kept.

        Raises:
            StoreError, InputError, FormatError: The store cannot be used.
        """

    @abstractmethod
    def find(self, owner: Owner, key: str) -> Item | None:
        """What is kept under a key for this owner; None if nothing is. Raises as `put`."""

    @abstractmethod
    def items(self, owner: Owner) -> list[tuple[str, Item]]:
        """Keys and items of this owner, oldest first. Raises as `put`."""

    def get(self, owner: Owner, key: str) -> Item:
        """What is kept under a key for this owner.

        Raises:
            InputError: Nothing: the key is unknown, another owner's, or what it stood for had to go.
            StoreError, FormatError: The store cannot be used.
        """
        item = self.find(owner, key)
        # The same words for a foreign key as for an unknown one, so that an answer says nothing of other sessions.
        if item is None:
            raise InputError(
                "nothing is kept under this id",
                hint="take the id from `recall` in an earlier reply of this session, or call that tool again",
            )
        return item


def new_id() -> str:
    """A key that cannot be guessed: 22 characters."""
    return secrets.token_urlsafe(_ID_BYTES)


def digest(*parts: str) -> str:
    """32 hexadecimal digits that stand for these texts, in keys and namespaces that take no others."""
    joined = "".join(f"{len(part)}:{part}" for part in parts)  # lengths, so that ("a", "bc") is not ("ab", "c")
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:32]
