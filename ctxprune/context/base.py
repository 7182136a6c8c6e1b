"""What is pruned: a context is a sequence of units, each with its text, its parent and what it requires."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ctxprune.errors import UsageError
from ctxprune.utils.foreign import foreign_attribute, foreign_method

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ctxprune.context.grid import Grid
    from ctxprune.context.split import SplitContext

__all__ = ["AdaptedContext", "Context", "Unit", "as_context", "original_context", "shift_unit"]

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Unit:
    """The smallest thing that is kept or dropped.

    Attributes:
        text: What a scorer reads and what is counted in tokens.
        parent: Index of the unit that must be kept with this one (a table for its column); None at the top.
        requires: Indices of further units that must be kept with this one (the key a foreign key points at).
        pinned: Never dropped (a title, a header row, a primary key).
        span: Characters [start, end) in the source text; None where there is no source text.

    Examples:
        ```python
        from ctxprune import Unit

        table = Unit("city", pinned=True)
        column = Unit("city.name", parent=0)  # keeping the column keeps its table
        ```
    """

    text: str
    parent: int | None = None
    requires: tuple[int, ...] = ()
    pinned: bool = False
    span: tuple[int, int] | None = None


def shift_unit(unit: Unit, first: int) -> Unit:
    """The unit with the indices of its parent and requirements raised by `first`."""
    if not first or (unit.parent is None and not unit.requires):
        return unit
    parent = None if unit.parent is None else unit.parent + first
    requires = tuple(index + first for index in unit.requires)
    return Unit(unit.text, parent, requires, unit.pinned, unit.span)


class Context(ABC, Generic[T_co]):
    """Anything that can be pruned: a subclass has `units` and `render`, and overrides what else applies to it.

    Attributes:
        units: In source order; an index into this sequence names a unit.
        kind: What the units are: "passage", "page", "table", "log", "schema", "tool".
        sources: For each unit the number of its document, rising from 0; None where all are of one document.
        titles: The title of each document; () where there are none.
        names: What each unit is called (a tool, a property), "" for a unit without a name; None where units have none.
        details: For each unit what else is said of it, beside its text, for scorers that look names up (descriptions of
            a tool's parameters), "" for nothing; None where there is nothing for any.
        targets: For each unit the unit that it points at (of an edge that of the entity at its tail), -1 for none; None
            where units point at nothing.
        grids: The tables among the units.
        around: For each unit whether it stands around the text, in a menu, footer, comment or cookie banner of a page:
            where a budget does not hold everything, it is kept only with a score near the best, or above that of
            some of the text that is kept. None where nothing does.
        enclosing: Units that only say what others are, a table's header or the fences of code: they say nothing alone.
        templates: For each unit the number of its template (records of a log that differ in their parameters only);
            None where that is not known.
        frame: Text that is rendered whatever is kept.
        counts_text: Whether tokens are those of `to_text`, to which units may add less than they take by themselves.
        required: bool (n_units,): units that the caller knows to be needed; None where it does not.
        whole_units, whole_documents: Of a subset, how many units and documents the whole context has; else 0.

    Examples:
        ```python
        from ctxprune import Context, Unit, prune


        class Lines(Context[list[str]]):  # a list of which whole lines are kept
            def __init__(self, lines: list[str]) -> None:
                self.units = [Unit(line) for line in lines]

            def render(self, kept):
                return [self.units[index].text for index in sorted(kept)]


        kept = prune(
            "When did the bridge open?",
            Lines(["Cats sleep.", "The bridge opened in 1933."]),
            budget=9,
        )
        print(kept.output)  # ['The bridge opened in 1933.']
        ```
    """

    # Type checkers see read-only properties, so that a subclass may have a field, a property or a cached property in
    # their place. At run time they are plain class attributes: a property has no setter for a frozen dataclass's field.
    if TYPE_CHECKING:

        @property
        def units(self) -> Sequence[Unit]: ...
        @property
        def kind(self) -> str: ...
        @property
        def sources(self) -> Sequence[int] | None: ...
        @property
        def titles(self) -> Sequence[str]: ...
        @property
        def names(self) -> Sequence[str] | None: ...
        @property
        def details(self) -> Sequence[str] | None: ...
        @property
        def targets(self) -> Sequence[int] | None: ...
        @property
        def grids(self) -> Sequence[Grid]: ...
        @property
        def around(self) -> Sequence[bool] | None: ...
        @property
        def enclosing(self) -> Collection[int]: ...
        @property
        def templates(self) -> Sequence[int] | None: ...
        @property
        def frame(self) -> str: ...
        @property
        def counts_text(self) -> bool: ...
        @property
        def required(self) -> NDArray[np.bool_] | None: ...
        @property
        def whole_units(self) -> int: ...
        @property
        def whole_documents(self) -> int: ...
    else:
        kind = "passage"
        sources = None
        titles = ()
        names = None
        details = None
        targets = None
        grids = ()
        around = None
        enclosing = ()
        templates = None
        frame = ""
        counts_text = False
        required = None
        whole_units = 0
        whole_documents = 0

    @abstractmethod
    def render(self, kept: Collection[int]) -> T_co:
        """The same context, of the type that came in, with only the units in `kept`; each byte for byte as it was."""

    def to_text(self, kept: Collection[int]) -> str | list[str] | None:
        """What of the units `kept` enters a prompt, for counting tokens where `render` gives no text; None where the
        texts of the units stand for it."""
        del kept
        return None

    def cost_texts(self) -> Sequence[str]:
        """What each unit adds to the rendered context, for counting tokens; by default its text."""
        return [unit.text for unit in self.units]

    def omission_note(self, kept: Collection[int]) -> str:
        """One line that tells a reader what was left out; "" where nothing was, or where the context says nothing."""
        del kept
        return ""

    def with_note(self, *, note: bool) -> Context[T_co]:
        """The same context, rendered with its omission note or without it; itself where it never renders one."""
        del note
        return self

    def split_units(self, sizes: Mapping[int, int]) -> SplitContext | None:
        """The same context with the units in `sizes` cut at their own borders (lines, clauses, members), each into
        parts of at most so many UTF-8 bytes where it has such borders; None where nothing can be cut.

        Units that others need, or that are pinned, stay whole.
        """
        del sizes
        return None

    def detach_units(self, indices: Collection[int]) -> Context[T_co]:
        """The same context, where the units at `indices` need no longer what stands above them, as far as that only
        says where they stand (headings) or what they are (`enclosing`); itself where all that units need is needed to
        read them."""
        del indices
        return self

    def with_required(self, required: NDArray[np.bool_]) -> Context[T_co]:
        """The same context, told that the units `required`, bool (n_units,), are needed, so that its omission note can
        say which of them are missing; itself where its note does not."""
        del required
        return self


class _FromOrigin:
    """An attribute of the adapted object, or the default of `Context` where that object lacks it or has None.

    Args:
        former: What earlier releases called it; "" where the name is the same.
    """

    def __init__(self, former: str = "") -> None:
        self.former = former

    def __set_name__(self, owner: type, name: str) -> None:
        self.name, self.default = name, vars(Context)[name]

    def __get__(self, instance: AdaptedContext[Any], owner: type | None = None) -> Any:
        return foreign_attribute(instance.origin, self.name, self.former or self.name, default=self.default)


class AdaptedContext(Context[T_co]):
    """A user's object with `units` and `render`, and any of the optional members of `Context`.

    Earlier releases called some of these otherwise; objects that still do are understood: `as_text` for `to_text`,
    `written` for `cost_texts`, `note` for `omission_note`, `noting` for `with_note`, `demanding` for `with_required`,
    `demanded` for `required`.
    """

    if not TYPE_CHECKING:
        kind = _FromOrigin()
        sources = _FromOrigin()
        titles = _FromOrigin()
        names = _FromOrigin()
        details = _FromOrigin()
        targets = _FromOrigin()
        grids = _FromOrigin()
        around = _FromOrigin()
        enclosing = _FromOrigin()
        templates = _FromOrigin()
        frame = _FromOrigin()
        required = _FromOrigin("demanded")
        whole_units = _FromOrigin()
        whole_documents = _FromOrigin()

    def __init__(self, origin: Any) -> None:
        self.origin = origin

    @property
    def units(self) -> Sequence[Unit]:
        """Those of the object, read anew each time: it may change."""
        units: Sequence[Unit] = self.origin.units
        return units

    @property
    def counts_text(self) -> bool:
        """Whether the object writes a text of its own."""
        return foreign_method(self.origin, "to_text", "as_text") is not None

    def render(self, kept: Collection[int]) -> T_co:
        """What the object renders."""
        rendered: T_co = self.origin.render(kept)
        return rendered

    def to_text(self, kept: Collection[int]) -> str | list[str] | None:
        """See `Context`."""
        method = foreign_method(self.origin, "to_text", "as_text")
        return None if method is None else method(kept)

    def cost_texts(self) -> Sequence[str]:
        """See `Context`."""
        method = foreign_method(self.origin, "cost_texts")
        texts = foreign_attribute(self.origin, "written") if method is None else method()
        return texts or super().cost_texts()

    def omission_note(self, kept: Collection[int]) -> str:
        """See `Context`."""
        method = foreign_method(self.origin, "omission_note", "note")
        return "" if method is None else str(method(kept))

    def with_note(self, *, note: bool) -> Context[T_co]:
        """See `Context`."""
        method = foreign_method(self.origin, "with_note", "noting")
        return self if method is None else as_context(method(note=note))

    def with_required(self, required: NDArray[np.bool_]) -> Context[T_co]:
        """See `Context`."""
        method = foreign_method(self.origin, "with_required", "demanding")
        return self if method is None else as_context(method(required))


def as_context(value: Any, *, where: str = "", hint: str = "give an object with `units` and `render`") -> Context[Any]:
    """`value` as a `Context`: itself, or adapted where it merely has `units` and `render`.

    Args:
        value: What should be a context.
        where: The argument that it came in, for the message.
        hint: What to give instead, for the message.

    Raises:
        UsageError: It lacks one of the two; the message says which.
    """
    # Also of a `Context`: a subclass may declare `units` and never set it.
    missing = [name for name in ("units", "render") if not hasattr(value, name)]  # any object may be given
    if not missing and not isinstance(value, type):
        return value if isinstance(value, Context) else AdaptedContext(value)
    lacks = f"it has no `{missing[0]}`" if missing else "it is a class"
    raise UsageError(f"a {type(value).__name__} is not a context", where=where, hint=f"{hint}; {lacks}")


def original_context(context: Any) -> Any:
    """The object that the caller gave for `context`: of an adapted one the user's own, else itself."""
    return context.origin if isinstance(context, AdaptedContext) else context
