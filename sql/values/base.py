"""What a value look-up is, and what it answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError
from ctxprune.utils.foreign import optional_member

from ..schema.hits import RangeHit, ValueHit

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ..schema.schema import ColumnRef

__all__ = ["FilteredLookup", "RangeHit", "ValueHit", "ValueLookup", "as_value_lookup", "fold_ref"]


class ValueLookup(ABC):
    """Finds stored values that a text mentions; best first, at most a few per column.

    Only `lookup` must be written. An object with that method alone is taken too, by `as_value_lookup`.
    """

    @abstractmethod
    def lookup(self, question: str, evidence: str = "") -> Sequence[ValueHit]:
        """Hits for one question; () for an empty one."""

    def ranges(self, question: str, evidence: str = "") -> Sequence[RangeHit]:  # noqa: ARG002
        """A hit for each column that a number or day of the text may be compared with, the likeliest first.

        () by default.
        """
        return ()

    def within(self, columns: Collection[ColumnRef]) -> ValueLookup:
        """A look-up of these columns alone, in any case.

        By default hits on other columns are dropped afterwards. A pipeline for callers who may see a part of a
        database, or with private columns, needs a look-up whose answers depend on no value of another column.
        """
        return FilteredLookup(self, frozenset(map(fold_ref, columns)))

    @property
    def leaves_out(self) -> bool:
        """Whether what `within` gives depends on no value of another column.

        By default whether the class has a `within` of its own. A look-up that wraps another one, which may lack it,
        answers for what it wraps.
        """
        return type(self).within is not ValueLookup.within

    @property
    def hidden(self) -> tuple[ColumnRef, ...]:
        """Columns whose values must not be shown to a model or a reader; () by default."""
        return ()

    @property
    def label(self) -> str:
        """What error messages call it: the name of its class."""
        return type(self).__name__


@dataclass(frozen=True)
class FilteredLookup(ValueLookup):
    """A look-up that cannot leave columns out itself: hits on other columns are dropped afterwards.

    Which hits remain may then depend on values of the dropped columns, so this serves callers who may see these.

    Attributes:
        values: Where values are looked up.
        columns: Those whose hits stay, folded.
    """

    values: ValueLookup
    columns: frozenset[tuple[str, str]]

    def lookup(self, question: str, evidence: str = "") -> list[ValueHit]:
        """The hits on the columns."""
        return [hit for hit in self.values.lookup(question, evidence) if fold_ref(hit.ref) in self.columns]

    def ranges(self, question: str, evidence: str = "") -> list[RangeHit]:
        """The ranges of the columns, where the look-up has them."""
        return [hit for hit in self.values.ranges(question, evidence) if fold_ref(hit.ref) in self.columns]


@dataclass(frozen=True)
class _AdaptedLookup(ValueLookup):
    """An object with `lookup`, and with any of the other members of `ValueLookup`, as a `ValueLookup`."""

    inner: Any

    def lookup(self, question: str, evidence: str = "") -> Sequence[ValueHit]:
        found: Sequence[ValueHit] = self.inner.lookup(question, evidence)
        return found

    def ranges(self, question: str, evidence: str = "") -> Sequence[RangeHit]:
        find = self._optional("ranges")
        return super().ranges(question, evidence) if find is None else find(question, evidence)

    def within(self, columns: Collection[ColumnRef]) -> ValueLookup:
        cut = self._optional("within")
        return super().within(columns) if cut is None else as_value_lookup(cut(columns))

    @property
    def leaves_out(self) -> bool:
        return self._optional("within") is not None and bool(self._optional("leaves_out", default=True))

    @property
    def hidden(self) -> tuple[ColumnRef, ...]:
        return tuple(self._optional("hidden", default=()))

    @property
    def label(self) -> str:
        return type(self.inner).__name__

    def _optional(self, member: str, *, default: Any = None) -> Any:
        return optional_member(self.inner, member, default)


def as_value_lookup(values: object) -> ValueLookup:
    """`values` itself where it is a `ValueLookup`, else an adapter of an object that has the method `lookup`.

    The members `ranges`, `within`, `leaves_out` and `hidden` of such an object are used where it has them.

    Raises:
        UsageError: It has no method `lookup`, or one of `ranges` and `within` is not a method.
    """
    if isinstance(values, ValueLookup):
        return values
    adapted = _AdaptedLookup(values)
    for member, required in (("lookup", True), ("ranges", False), ("within", False)):
        method = adapted._optional(member)
        if isinstance(values, type) or (required and method is None) or not (method is None or callable(method)):
            raise UsageError(
                f"{values!r:.100} is not a value look-up: it has no method {member}",
                where="values",
                hint="see ctxprune.sql.values.ValueLookup",
            )
    return adapted


def fold_ref(ref: ColumnRef) -> tuple[str, str]:
    """The names of a column, folded so that spellings in other cases are equal."""
    return ref.table.casefold(), ref.column.casefold()
