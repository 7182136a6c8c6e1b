"""Counting tokens: with the bundled tokenizer, or with whatever the caller's model uses."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ctxprune.errors import FormatError, UsageError
from ctxprune.utils.foreign import foreign_attribute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tokenizers import Tokenizer

__all__ = ["BundledCounter", "TokenCounter", "as_counter", "count_whole"]

_SURROGATES = re.compile("[\ud800-\udfff]")
# Places where a token of the bundled tokenizer always starts, so that cutting there adds none: a space between a
# non-space and a letter, and what follows the end of a line.
_SAFE_CUT = re.compile(r"(?<=\S)(?= [A-Za-z])|(?<=\n)(?=[!-~])")
# How the bundled tokenizer cuts ASCII text before it looks for tokens in each piece; its own pattern, for ASCII alone.
_PIECE = re.compile(
    r"[^\r\nA-Za-z0-9]?[A-Za-z]{1,64}|[0-9]{1,3}| ?[^\t-\r A-Za-z0-9]{1,16}[\r\n]{0,8}"
    r"|[\t-\r ]{0,16}[\r\n]{1,8}|[\t-\r ]{1,16}(?![^\t-\r ])|[\t-\r ]"
)
# The same for any text, of which `_other_pieces` fills in the letters, marks, digits and white space beyond ASCII.
_ANY_PIECE = (
    r"[^\r\n{L}{N}]?[{L}{M}]{{1,64}}|[{N}]{{1,3}}| ?[^{S}{L}{M}{N}]{{1,16}}[\r\n]{{0,8}}"
    r"|[{S}]{{0,16}}[\r\n]{{1,8}}|[{S}]{{1,16}}(?![^{S}])|[{S}]"
)
_FIRST_LETTERS = re.compile("[A-Za-z]{1,64}")  # of a piece that may start with another character
_SPACES = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_NONE = frozenset({"Cn", "Co", "Cs"})  # categories of what is no character, or is one by private agreement
_CHUNK = 1 << 16
_REACH = 128  # characters, more than `_PIECE` looks at to find the end of a piece
_BATCH = 1 << 19  # characters that are encoded together
_SHORT = 64  # characters of a text that may come again
_KNOWN_PIECES = 1 << 16  # of which the number of tokens is remembered
_MARKS = "".join(char for char in map(chr, range(128)) if not char.isalnum())
_TRIED = 2000  # pieces of text in other scripts, of which most must have been met before, or text is encoded as it is


@runtime_checkable
class TokenCounter(Protocol):
    """Says how many tokens a text takes, and whose tokens they are."""

    @property
    def name(self) -> str:
        """Named in every result, so that a number of tokens says what it counts."""
        ...

    def count(self, text: str) -> int:
        """Tokens of `text`, without special tokens; 0 for the empty text."""
        ...

    def count_many(self, texts: Iterable[str]) -> list[int]:
        """What `count` gives for each text."""
        ...


@dataclass(frozen=True, slots=True)
class BundledCounter:
    """Counts with the tokenizer that comes with this library (models/TOKENIZER.md): offline, any text, any length.

    Lone surrogates count as the replacement character. Against Qwen2.5's tokenizer it counts 3 to 17 % more on prose,
    questions, SQL and DDL, and about half as much again on HTML and program code.
    """

    name: str = "ctxprune-bpe.v1"

    def count(self, text: str) -> int:
        """Tokens of `text`."""
        return self.count_many([text])[0]

    def count_many(self, texts: Iterable[str]) -> list[int]:
        """Tokens of each text."""
        counts: list[int] = []
        # ASCII pieces are looked up; only what is left goes to the tokenizer, all texts together.
        encoding = _Encoding(counts)
        for text in texts:
            if text.isascii():
                counts.append(_tokens_of(_PIECE, text) if len(text) <= _CHUNK else _tokens_of_long(text))
                continue
            counts.append(0)
            for part in _safe_parts(text):
                if not encoding.add_by_pieces(part):
                    _encode_parts(part, encoding, counts)
        encoding.finish()
        return counts


@dataclass(frozen=True, slots=True)
class _FunctionCounter:
    """A counter made of a function."""

    name: str
    function: Callable[[str], int]

    def count(self, text: str) -> int:
        number = self.function(_replace_surrogates(text))
        if not isinstance(number, int) or number < 0:
            raise UsageError(f"the token counter gave {number!r}", where=self.name, hint="it must give a whole number")
        return number

    def count_many(self, texts: Iterable[str]) -> list[int]:
        return [self.count(text) for text in texts]


def as_counter(source: Any = None) -> TokenCounter:
    """A token counter made of `source`.

    Args:
        source: None for the bundled tokenizer; a TokenCounter; a tiktoken encoding; a `tokenizers.Tokenizer`; a
            transformers tokenizer; any object with `encode(text)` that gives something with a length or with `ids`;
            or a function from text to a number of tokens.

    Raises:
        UsageError: `source` is none of these.

    Examples:
        ```python
        from ctxprune import TokenCounter, as_counter

        words: TokenCounter = as_counter(lambda text: len(text.split()))
        print(words.count("It opened in 1933."), as_counter().count("It opened in 1933."))
        # 4 7
        ```
    """
    if source is None:
        return BundledCounter()
    if isinstance(source, TokenCounter) and not isinstance(source, type):
        return source
    if foreign_attribute(source, "encode_ordinary") is not None:  # tiktoken, whose encode() refuses special tokens
        return _FunctionCounter(_find_name(source), lambda text: len(source.encode_ordinary(text)))
    if foreign_attribute(source, "encode") is not None and not isinstance(source, (str, type)):
        return _FunctionCounter(_find_name(source), _make_encoder(source))
    if callable(source) and not isinstance(source, type):
        return _FunctionCounter(_find_name(source), source)
    raise UsageError(
        f"a {type(source).__name__} cannot count tokens", hint="give a tokenizer, or a function from text to a number"
    )


def count_whole(counter: TokenCounter, text: str, parts: Sequence[str], counts: Sequence[int]) -> int:
    """Tokens of `text`, which holds the `parts` in their order, or some of them; `counts` are the tokens of each.

    What `counter.count(text)` gives. The bundled tokenizer does not read again the parts that start a line or follow a
    space, so that a text that was counted line by line or sentence by sentence costs a fraction of that.
    """
    if type(counter) is BundledCounter:
        known = _count_around(text, parts, counts)
        if known is not None:
            return known
    return counter.count(text)


def _count_around(text: str, parts: Sequence[str], counts: Sequence[int]) -> int | None:
    """As `count_whole`; None where the text holds other parts, or few at whose borders tokens end.

    No token goes on from an ASCII letter or digit to another ASCII character, nor over the start of a line
    (`_SAFE_CUT`). So a part at the start of a line, up to its last letter or digit, takes as many tokens there as by
    itself; of one that follows a space only the first token may be another there.
    """
    count = lru_cache(maxsize=4096)(BundledCounter().count)  # between lines the same few marks stand again and again
    total = counted = found = 0  # `text[counted:]` is not counted yet; the last part that was found ends at `found`
    used = False
    for tried, (part, number) in enumerate(zip(parts, counts, strict=True)):
        place = text.find(part, found)
        if place < 0 or (tried == _TRIED and not used):
            return None
        found = place + len(part)
        after = len(part) - len(part.rstrip(_MARKS))
        start = _safe_start(text, place, part)
        inside = not after and text[found : found + 1].isalnum()
        if start < counted or inside or not (part + text[found : found + 1]).isascii():
            continue
        if start < place:
            first = _FIRST_LETTERS.match(part)
            total += count(f" {first.group()}") - count(first.group()) if first else count(" ")
        between = text[counted:start]
        total += number + (count(between) if len(between) <= _SHORT else count.__wrapped__(between))
        total -= count(part[-after:]) if after else 0
        counted, used = found - after, True
    return total + count.__wrapped__(text[counted:])


def _safe_start(text: str, place: int, part: str) -> int:
    """Where tokens start at `part` of `text`: its place, or that of the one space before it; -1 where neither does."""
    if not part or not "!" <= part[0] <= "~":
        return -1
    before = text[max(place - 2, 0) : place]
    if before.endswith("\n"):
        return place
    spaced = len(before) == 2 and before[1] == " " and not before[0].isspace()
    return place - 1 if spaced and part[0].isalnum() else -1


def _make_encoder(source: Any) -> Callable[[str], int]:
    try:  # tokenizers and transformers add [CLS] and the like unless told otherwise
        source.encode("a", add_special_tokens=False)
        options = {"add_special_tokens": False}
    except TypeError:
        options = {}

    def count(text: str) -> int:
        encoded = source.encode(text, **options)
        return len(foreign_attribute(encoded, "ids", default=encoded))

    return count


def _find_name(source: Any) -> str:
    for attribute in ("name", "name_or_path", "__name__"):
        name = foreign_attribute(source, attribute)
        if isinstance(name, str) and name:
            return name
    return type(source).__name__


def _replace_surrogates(text: str) -> str:
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


class _Pieces(dict[str, int]):
    """Tokens of pieces of text, each worked out when it is first met; not more than `_KNOWN_PIECES` are remembered."""

    missed = 0  # how often a piece was looked for that was not known

    def __missing__(self, piece: str) -> int:
        number = len(_load_bundled().encode(piece))
        self.missed += 1
        if len(self) < _KNOWN_PIECES:
            self[piece] = number
        return number

    def remember(self, pieces: Iterable[str], numbers: Iterable[int]) -> None:
        """Take note of what was found out elsewhere; long pieces seldom come again."""
        known = {piece: number for piece, number in zip(pieces, numbers, strict=True) if len(piece) <= _SHORT}
        if len(self) + len(known) <= _KNOWN_PIECES:
            self.update(known)


_PIECES = _Pieces()


def _tokens_of(pieces: re.Pattern[str], text: str) -> int:
    """Tokens of a text. Texts repeat most of their pieces, so this is several times faster than to encode it."""
    return sum(map(_PIECES.__getitem__, pieces.findall(text)))


def _tokens_of_long(text: str) -> int:
    """As `_tokens_of`, of ASCII text of any length: in parts, since each piece takes 60 bytes until it is counted."""
    total = start = 0
    while len(text) - start > _CHUNK:
        pieces = _PIECE.findall(text, start, start + _CHUNK)
        # The last ones may be cut otherwise by what follows; they are read again with it.
        again = 0
        while again < _REACH:
            again += len(pieces.pop())
        total += sum(map(_PIECES.__getitem__, pieces))
        start += _CHUNK - again
    return total + sum(map(_PIECES.__getitem__, _PIECE.findall(text, start)))


@lru_cache(maxsize=1)
def _other_pieces() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """How text of any script is cut into pieces, and the characters of which that is not certain.

    Certain are those of the basic plane that Unicode 3.2 had already, and that are of the same category still: Python
    and the tokenizer know different versions of Unicode, but both know these.
    """
    characters = [*map(chr, range(0x80, 0x10000))]
    categories = zip(
        map(unicodedata.ucd_3_2_0.category, characters), map(unicodedata.category, characters), strict=True
    )
    # The first letter of a category that did not change; "" where it did, or the character is none.
    kinds = [now[0] if before == now and now not in _NONE else "" for before, now in categories]
    ranges: dict[str, list[str]] = {"L": [], "M": [], "N": [], "": []}
    end = 0
    for kind, run in groupby(kinds):
        start, end = end, end + len([*run])
        ranges.setdefault(kind, []).append(f"{characters[start]}-{characters[end - 1]}")
    known = {kind: "".join(found) for kind, found in ranges.items()}
    pieces = _ANY_PIECE.format(L="A-Za-z" + known["L"], M=known["M"], N="0-9" + known["N"], S=_SPACES)
    return re.compile(pieces), re.compile(f"[{known['']}\U00010000-\U0010ffff]")


def _safe_parts(text: str) -> list[str]:
    """A long text in its chunks, if all cuts between them change no count; else in one piece."""
    if len(text) <= _CHUNK:
        return [text]
    chunks = [*_cut_chunks(text)]
    if not all(_SAFE_CUT.match(text, end) for _, end in chunks[:-1]):
        return [text]
    return [text[start:end] for start, end in chunks]


def _encode_parts(text: str, encoding: _Encoding, counts: list[int]) -> None:
    """Add the tokens of `text` to the last of `counts`: of what is ASCII at once, of the rest when it is encoded."""
    for plain, run in groupby(_SAFE_CUT.split(_replace_surrogates(text)), str.isascii):
        part = "".join(run)
        if plain:
            counts[-1] += _tokens_of(_PIECE, part)
        elif part in _PIECES:
            counts[-1] += _PIECES[part]
        else:
            encoding.add(part)


class _Encoding:
    """Texts waiting to be encoded together, which takes a third of the time that each takes by itself.

    Their tokens are added to the last of `counts` at the time that they come in. Equal texts are encoded once.
    """

    def __init__(self, counts: list[int]) -> None:
        self._counts = counts
        self._owners: list[tuple[int, int]] = []  # the count to add to, and the place of the part
        self._parts: dict[str, int] = {}
        self._size = 0
        self._met = self._new = 0  # pieces of text in other scripts, and how many of them were met for the first time

    def add_by_pieces(self, text: str) -> bool:
        """Add the tokens of `text` at once; False where it is cheaper to encode it, or its pieces are not certain.

        Prose in Chinese, for instance, seldom repeats a clause, and a piece by itself takes twice the time.
        """
        if len(text) > 2 * _CHUNK or 2 * self._new > self._met > _TRIED:
            return False
        pieces, uncertain = _other_pieces()
        if uncertain.search(text):
            return False
        found, missed = pieces.findall(text), _PIECES.missed
        self._counts[-1] += sum(map(_PIECES.__getitem__, found))
        self._met += len(found)
        self._new += _PIECES.missed - missed
        return True

    def add(self, text: str) -> None:
        for start, end in _cut_chunks(text):
            part = text[start:end]
            if self.add_by_pieces(part):
                continue
            if part not in self._parts:
                self._parts[part] = len(self._parts)
                self._size += end - start
            self._owners.append((len(self._counts) - 1, self._parts[part]))
            if self._size > _BATCH:  # a batch holds some 50 bytes a token in memory
                self.finish()

    def finish(self) -> None:
        if not self._parts:
            return
        numbers = [len(encoded) for encoded in _load_bundled().encode_batch_fast([*self._parts])]
        for owner, place in self._owners:
            self._counts[owner] += numbers[place]
        _PIECES.remember(self._parts, numbers)
        self._owners, self._parts, self._size = [], {}, 0


def _cut_chunks(text: str) -> Iterable[tuple[int, int]]:
    """Cuts of a long text, each near `_CHUNK` characters, at places that change no count where there are any."""
    start = 0
    while len(text) - start > _CHUNK:
        cut = _SAFE_CUT.search(text, start + _CHUNK, start + 2 * _CHUNK)
        # Without a safe place the cut may add a token or two, in 64,000 characters.
        end = cut.start() if cut else start + _CHUNK
        yield start, end
        start = end
    if text:
        yield start, len(text)


_BUNDLED = "9783995c4acd0d2bca6a8f589c5d148d2a23e9cc86465b73d48a21864acc7271"  # sha256, as models/TOKENIZER.md has it


@lru_cache(maxsize=1)
def _load_bundled() -> Tokenizer:
    from tokenizers import Tokenizer

    model = files("ctxprune").joinpath("models", "tokenizer.json")
    try:
        content = model.read_bytes()
        if hashlib.sha256(content).hexdigest() != _BUNDLED:
            raise ValueError("it differs from its checksum")
        return Tokenizer.from_str(content.decode("utf-8"))
    except Exception as error:  # the tokenizers package raises bare Exception
        raise FormatError(
            "the bundled tokenizer cannot be read", where=str(model), hint="reinstall ctxprune"
        ) from error
