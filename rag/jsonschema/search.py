"""What the parts of a search for an instance ask of the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from .json_values import Json
    from .literals import Literal
    from .texts import TextRules

__all__ = ["Search"]


class Search(Protocol):
    """A search in progress; `InstanceGenerator` is one. Its methods raise ConflictError, UndecidedError, LimitError."""

    random: Random

    @property
    def is_shallow(self) -> bool:
        """Whether optional members may be made here."""
        ...

    def generate(self, literals: Iterable[Literal]) -> Json:
        """A value that satisfies all literals."""
        ...

    def generate_name(self, literals: Iterable[Literal], rules: TextRules) -> str:
        """A member name that satisfies literals and rules."""
        ...

    def list_values(self, literals: Iterable[Literal]) -> list[Json] | None:
        """All values that satisfy the literals; None where they are not listed."""
        ...

    def first_success(self, ways: Iterable[Callable[[], Json]]) -> Json:
        """The value of the first alternative that succeeds."""
        ...

    def holds(self, literal: Literal, value: Json) -> bool | None:
        """Whether a value satisfies a literal; None where that cannot be told."""
        ...

    def spend(self, amount: int = 1) -> None:
        """Use up some of the limit, in visits of subschemas."""
        ...

    def step(self, amount: int = 1) -> None:
        """Use up some of the limit, in hundredths of a visit."""
        ...

    def take_spare(self) -> bool:
        """Use up one of the optional members and items; False if none is left."""
        ...
