"""Texts that match some regular expressions and do not match others, or the proof that there are none.

By derivatives of regular expressions (Brzozowski, Journal of the ACM 1964): the derivative of an expression by a
character is what must follow that character. A state is a tuple of derivatives, one of each expression, so that
intersection and complement cost nothing; a search over the states ends because there are finitely many.
"""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING

from .pattern_reader import ALL_CHARS, END, MOST_PARTS, START, UndecidedPatternError, read_tree
from .pattern_terms import Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .pattern_reader import Ranges, Tree
    from .pattern_terms import Term

__all__ = ["UndecidedPatternError", "find_text"]

_MOST_STATES = 2000
_MOST_WORK = 400_000  # derivatives of parts of expressions and their alternatives; about half a second
_PREFERRED = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_.,:;/@#"


def find_text(
    like: Sequence[str],
    unlike: Sequence[str],
    *,
    length: tuple[int, int | None] = (0, None),
    other: Iterable[str] = (),
    step: Callable[[int], None] | None = None,
) -> str | None:
    """A shortest text in which each of `like` matches somewhere and none of `unlike` does; None if there is none.

    Args:
        like: Regular expressions as in JSON Schema (ECMA 262), those that Python's parser reads.
        unlike: As `like`.
        length: Least and most characters; a maximum over 2,000 is not looked at.
        other: Texts that are not wanted.
        step: Is told the work: the same for a search whose outcome is known from before.

    Raises:
        UndecidedPatternError: There is look-around, a back reference, a word boundary or an anchor in the middle; or
            the search takes more than 2,000 states or 400,000 derivatives.
    """
    # A schema is searched several times, and a search that was given up would be given up again.
    found, work = _find_text(tuple(like), tuple(unlike), length, tuple(other))
    if step is not None:
        step(work)
    if isinstance(found, UndecidedPatternError):
        raise found
    return found


@lru_cache(maxsize=512)
def _find_text(
    like: tuple[str, ...], unlike: tuple[str, ...], length: tuple[int, int | None], other: tuple[str, ...]
) -> tuple[str | UndecidedPatternError | None, int]:
    terms = Terms(_MOST_WORK)
    try:
        return _search_text(terms, like, unlike, length, other), terms.work
    except UndecidedPatternError:
        return UndecidedPatternError(), terms.work


def _search_text(
    terms: Terms,
    like: tuple[str, ...],
    unlike: tuple[str, ...],
    length: tuple[int, int | None],
    other: tuple[str, ...],
) -> str | None:
    least, most = length
    if least > MOST_PARTS:
        raise UndecidedPatternError
    read = [read_tree(pattern) for pattern in (*like, *unlike)]
    excluded = [tuple(map(ord, text)) for text in other]
    alphabet = _Alphabet([*_sets_in(read), *(((char, char),) for text in excluded for char in text)], terms)
    found = [_wrap(alphabet.compile(tree), alphabet) for tree in read]
    span = terms.repeat(alphabet.any_char, least, most if most is not None and most <= MOST_PARTS else None)
    wanted = [*found[: len(like)], _anchor(span, terms)]
    texts = [
        _anchor(terms.join_all(alphabet.compile(("set", ((char, char),))) for char in text), terms) for text in excluded
    ]
    return _Search(alphabet, terms, tuple(wanted), tuple(found[len(like) :] + texts)).run()


class _Alphabet:
    """Characters in groups that the expressions do not tell apart, each a symbol; `chars` has one of each group."""

    def __init__(self, sets: list[Ranges], terms: Terms) -> None:
        self.terms = terms
        edges = sorted({edge for ranges in (*sets, ALL_CHARS) for low, high in ranges for edge in (low, high + 1)})
        places: dict[int, int] = {}
        groups: dict[tuple[bool, ...], int] = {}
        self.chars: list[str] = []
        distinct = list(dict.fromkeys(sets))
        terms.spend(len(edges) * sum(map(len, distinct)))
        for low in edges:
            if not _holds(ALL_CHARS, low):
                continue
            signature = tuple(_holds(ranges, low) for ranges in distinct)
            if signature not in groups:
                groups[signature] = len(self.chars)
                self.chars.append(chr(low))
            places[low] = groups[signature]
        self._symbols = {
            ranges: frozenset(groups[key] for key in groups if key[i]) for i, ranges in enumerate(distinct)
        }
        self.any_char = terms.chars(frozenset(range(len(self.chars))))
        for char in reversed(_PREFERRED):  # of each group the first preferred character stands for it
            number = groups.get(tuple(_holds(ranges, ord(char)) for ranges in distinct))
            if number is not None:
                self.chars[number] = char

    def compile(self, tree: Tree) -> Term:
        """The term for `tree`, with symbols for its sets of characters."""
        kind = tree[0]
        if kind in ("end", "set"):
            return self.terms.chars(tree[1] if kind == "end" else self._symbols[tree[1]])
        if kind == "join":
            return self.terms.join_all(map(self.compile, tree[1]))
        if kind == "or":
            return self.terms.either(map(self.compile, tree[1]))
        return self.terms.repeat(self.compile(tree[1]), tree[2], tree[3])


def _holds(ranges: Ranges, char: int) -> bool:
    return any(low <= char <= high for low, high in ranges)


def _sets_in(trees: Iterable[Tree]) -> list[Ranges]:
    found: list[Ranges] = []
    stack = list(trees)
    while stack:
        tree = stack.pop()
        if tree[0] == "set":
            found.append(tree[1])
        elif tree[0] in ("join", "or"):
            stack += tree[1]
        elif tree[0] == "repeat":
            stack.append(tree[1])
    return found


def _wrap(found: Term, alphabet: _Alphabet) -> Term:
    """A text with its two ends, in which the expression matches somewhere."""
    terms = alphabet.terms
    around = terms.repeat(terms.chars(frozenset({*range(len(alphabet.chars)), START, END})), 0, None)
    return terms.join_all((around, found, around))


def _anchor(found: Term, terms: Terms) -> Term:
    return terms.join_all((terms.chars(frozenset({START})), found, terms.chars(frozenset({END}))))


class _Search:
    """Breadth first over states: `like` must be complete at the end of the text, and none of `unlike`."""

    def __init__(self, alphabet: _Alphabet, terms: Terms, like: tuple[Term, ...], unlike: tuple[Term, ...]) -> None:
        self._chars, self._terms = alphabet.chars, terms
        self._like = len(like)
        self._first = like + unlike

    def run(self) -> str | None:
        """The first text found; None if there is none."""
        try:
            return self._run()
        except RecursionError:
            raise UndecidedPatternError from None

    def _run(self) -> str | None:
        start = self._step(self._first, START)
        seen, queue = {start}, deque([(start, "")])
        while queue:
            state, text = queue.popleft()
            last = self._step(state, END)
            if all(term.is_nullable for term in last[: self._like]) and not any(
                term.is_nullable for term in last[self._like :]
            ):
                return text
            for symbol, char in enumerate(self._chars):
                following = self._step(state, symbol)
                if following in seen or self._terms.none in following[: self._like]:
                    continue
                if len(seen) >= _MOST_STATES:
                    raise UndecidedPatternError
                seen.add(following)
                queue.append((following, text + char))
        return None

    def _step(self, state: tuple[Term, ...], symbol: int) -> tuple[Term, ...]:
        self._terms.spend(1 + len(state) // 8)
        return tuple(self._terms.derive(part, symbol) for part in state)
