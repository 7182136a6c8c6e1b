"""The cases of a goal: every consistent way to choose a branch of each of its choices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .failures import ConflictError
from .literals import ALL_KINDS, Atom, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from random import Random

    from .assertions import Assertions
    from .literals import Branch, Choice, Item
    from .work import Work

__all__ = ["Case", "list_cases"]


@dataclass
class Case:
    """What holds in one case.

    Attributes:
        kinds: The kinds of values that are left, of `ALL_KINDS`.
        atoms: The atoms but "kinds" by their kind.
        literals: The literals that hold.
        choices: Those of which no branch is chosen yet.
    """

    kinds: frozenset[str] = ALL_KINDS
    atoms: dict[str, list[Atom]] = field(default_factory=dict)
    literals: set[Literal] = field(default_factory=set)
    choices: list[Choice] = field(default_factory=list)
    _present: dict[str, str] = field(default_factory=dict)  # names that are required, with the pointer that says so
    _absent: dict[str, str] = field(default_factory=dict)

    def copy(self) -> Case:
        """A copy that can be changed on its own."""
        atoms = {kind: list(found) for kind, found in self.atoms.items()}
        return Case(self.kinds, atoms, set(self.literals), list(self.choices), {**self._present}, {**self._absent})

    def of(self, kind: str) -> list[Atom]:
        """The atoms of a kind."""
        return self.atoms.get(kind, [])

    def add(self, items: Iterable[Item], assertions: Assertions) -> None:
        """Let `items` hold, with all that follows from them without a choice.

        Raises:
            ConflictError: They contradict each other or what holds already.
        """
        stack = list(items)[::-1]
        while stack:
            item = stack.pop()
            if isinstance(item, Atom):
                self._add_atom(item)
            elif item not in self.literals:
                if item.is_excluded_by(self.literals):
                    raise ConflictError("nothing is allowed here", item.part.pointer)
                self.literals.add(item)
                for choice in assertions.expand(item):
                    if len(choice) == 1:
                        stack += reversed(choice[0])
                    else:
                        self.choices.append(choice)

    def _add_atom(self, atom: Atom) -> None:
        if atom.kind == "kinds":
            left = self.kinds & atom.value
            if not left:
                excluded = " or ".join(_describe_kinds(self.kinds))
                reason = f"type {' or '.join(_describe_kinds(atom.value)) or 'none'} excludes {excluded}"
                raise ConflictError(reason, atom.where)
            self.kinds = left
            return
        if atom.kind in ("required", "absent"):
            mine, other = (self._present, self._absent)[:: 1 if atom.kind == "required" else -1]
            mine.setdefault(atom.value, atom.where)
            # Both may hold for what is no object.
            if atom.value in other:
                self._add_atom(Atom("kinds", ALL_KINDS - {"object"}, atom.where))
        self.atoms.setdefault(atom.kind, []).append(atom)

    def admits(self, branch: Branch) -> bool:
        """Whether nothing in the branch contradicts the case on its face."""
        kinds = self.kinds
        for item in branch:
            if isinstance(item, Literal):
                if item.is_excluded_by(self.literals):
                    return False
            elif item.kind == "kinds":
                kinds &= item.value
            elif item.value in {"required": self._absent, "absent": self._present}.get(item.kind, ()):
                kinds -= {"object"}
        return bool(kinds)

    def settles(self, branch: Branch) -> bool:
        """Whether the branch holds already, so that nothing has to be chosen."""
        return all(self._settles_item(item) for item in branch)

    def _settles_item(self, item: Item) -> bool:
        if isinstance(item, Literal):
            return item.is_true or item in self.literals
        if item.kind == "kinds":
            return self.kinds <= frozenset(item.value)
        if item.kind in ("required", "absent"):
            mine = self._present if item.kind == "required" else self._absent
            return item.value in mine or "object" not in self.kinds
        return False


def list_cases(case: Case, assertions: Assertions, random: Random) -> Iterator[Case]:
    """The consistent cases of `case`, in random order; each branch that is tried counts as a visit.

    The choice with the fewest branches left is made first, so that contradictions show early (as in the procedure of
    Davis, Putnam, Logemann and Loveland).

    Raises:
        ConflictError: After the last case, if there was none: the first contradiction that was met.
        LimitError: The limit of work is reached.
    """
    first: ConflictError | None = None
    found = False
    stack: list[tuple[Case, Iterator[Branch]]] = [(case, iter([()]))]
    while stack:
        around, branches = stack[-1]
        branch = next(branches, None)
        if branch is None:
            stack.pop()
            continue
        # A branch is looked into only when those before it have failed: most of the time the first one does.
        assertions.work.step(len(around.literals) + len(around.choices))
        here = around.copy()
        try:
            here.add(branch, assertions)
            options = _next_choice(here, assertions)
        except ConflictError as conflict:
            first = first or conflict
            continue
        if options is None:
            found = True
            yield here
        else:
            stack.append((here, _visit_each(_shuffle(options, random), assertions.work)))
    if not found:
        raise first or ConflictError("there is no branch", "")


def _visit_each(branches: list[Branch], work: Work) -> Iterator[Branch]:
    for branch in branches:
        work.visit()
        yield branch


def _next_choice(case: Case, assertions: Assertions) -> list[Branch] | None:
    """The branches of the choice to make next; None where every choice is made. Forced ones are made at once."""
    while case.choices:
        left: list[Choice] = []
        best: list[Branch] | None = None
        for choice in case.choices:
            # oneOf of 100 branches has 5,000 ways to fail: looking for the next choice is most of the work there.
            assertions.work.step(len(choice))
            if any(map(case.settles, choice)):
                continue
            options = [branch for branch in choice if case.admits(branch)]
            left.append(choice)
            if best is None or len(options) < len(best):
                best, place = options, len(left) - 1
            if not options:
                break
        if best is None:
            break
        if not best:
            where = _where(left[place])
            raise ConflictError("none of the alternatives is possible", where)
        case.choices = left[:place] + left[place + 1 :] if len(best) > 0 else left
        if len(best) > 1:
            return best
        case.add(best[0], assertions)
    case.choices = []
    return None


def _shuffle(options: list[Branch], random: Random) -> list[Branch]:
    """The branches in random order, those that say nothing certain last."""
    unknown = [any(isinstance(item, Atom) and item.kind == "unknown" for item in branch) for branch in options]
    order = sorted(random.sample(range(len(options)), len(options)), key=unknown.__getitem__)
    return [options[place] for place in order]


def _where(choice: Choice) -> str:
    for branch in choice:
        for item in branch:
            return item.where if isinstance(item, Atom) else item.part.pointer
    return ""


def _describe_kinds(kinds: Any) -> list[str]:
    """Kinds as the types of JSON Schema, in a fixed order."""
    shown = set(kinds)
    if {"integer", "fraction"} <= shown:
        shown = shown - {"integer", "fraction"} | {"number"}
    return sorted(kind if kind != "fraction" else "number with a fraction" for kind in shown)
