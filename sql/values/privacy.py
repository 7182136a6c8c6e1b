"""Columns that an index leaves out, and columns whose values it recognises but cannot show.

Of a masked column the index holds no text at all, only one 128-bit hash of each distinct value, folded: a question that
writes a whole value of it is told the column, in the question's own spelling. That is no encryption. Whoever holds the
index can try values one by one, and the numbers of phones or cards are few enough to try them all, so keep the
directory as safe as the database, and exclude what must not even be recognised.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import FormatError, UsageError
from ctxprune.storage.sealed import parse_json, seal, unseal

from ..schema.schema import ColumnRef
from .eligibility import LONGEST_VALUE, personal
from .spans import MAX_WORDS, key_words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ..schema.schema import Schema

__all__ = ["PRIVACY_FILE", "Privacy", "digest", "digest_keys", "masked_digests", "write_draft"]

PRIVACY_FILE = "privacy.json"
"""Stands in a directory whose index hides something."""


@dataclass(frozen=True)
class Privacy:
    """What an index must not hold, and what it must not show.

    Attributes:
        exclude: Columns that are not indexed at all.
        mask: Columns of which only hashes are kept.
        mask_personal: Also mask columns that look like e-mail addresses, phone, card, bank account or social security
            numbers.
    """

    exclude: frozenset[ColumnRef] = frozenset()
    mask: frozenset[ColumnRef] = frozenset()
    mask_personal: bool = False

    @classmethod
    def of(
        cls, schema: Schema, exclude: Collection[ColumnRef], mask: Collection[ColumnRef], *, personal: bool
    ) -> Privacy:
        """With the schema's spelling of the columns.

        Raises:
            SchemaError: `schema` has no such column.
            UsageError: One of them is no `ColumnRef`.
        """
        known = [frozenset(_find_column(schema, ref) for ref in refs) for refs in (exclude, mask)]
        return cls(known[0], known[1], personal)

    @classmethod
    def saved(cls, directory: Path, schema: Schema) -> Privacy:
        """What the builder of `directory` was last told, whatever became of the index; nothing by default.

        Raises:
            FormatError: It cannot be read, so that nobody knows what is to be hidden.
        """
        path, manifest = directory / PRIVACY_FILE, directory / "manifest.json"
        try:
            document = unseal(path.read_bytes(), required=False)
            _check_document(document)
            return cls.recorded(document, schema)
        except (FileNotFoundError, NotADirectoryError):  # of an older version, or nothing is hidden
            with suppress(OSError, ValueError):
                return cls.recorded(parse_json(manifest.read_bytes()), schema)
            return cls()
        except (OSError, ValueError) as error:
            with suppress(OSError, ValueError):
                return cls.recorded(unseal(manifest.read_bytes()), schema)
            raise FormatError(
                f"which columns are hidden cannot be read ({error})",
                where=str(path),
                hint="remove the directory, and say again what to exclude and to mask",
            ) from error

    def keep(self, directory: Path) -> None:
        """Write it beside the index, so that a lost manifest or an unfinished build does not show what was hidden.

        Raises:
            OSError: It cannot be written.
        """
        path = directory / PRIVACY_FILE
        if self == Privacy():
            path.unlink(missing_ok=True)
            return
        write_draft(path, seal(self.record()))

    @classmethod
    def recorded(cls, document: Any, schema: Schema | None = None) -> Privacy:
        """What `record` put into a manifest, with the schema's spelling of the columns; nothing where it holds none.

        Columns that the schema does not have stay: their table may come back.
        """
        try:
            refs = [[ColumnRef(*ref) for ref in document.get(key, ())] for key in ("exclude", "mask")]
            known = [frozenset(ref if schema is None else _spelt(schema, ref) for ref in some) for some in refs]
        except (TypeError, AttributeError):
            return cls()
        return cls(known[0], known[1], document.get("mask_personal") is True)

    def record(self) -> dict[str, Any]:
        """Its part of the manifest."""
        return {
            "exclude": sorted(map(list, self.exclude)),
            "mask": sorted(map(list, self.mask)),
            "mask_personal": self.mask_personal,
        }

    def masks(self, ref: ColumnRef, texts: Sequence[str] = ()) -> str:
        """Why the column is masked, judged by some of its texts where `mask_personal` says so; "" where it is not."""
        if ref in self.mask:
            return "asked for"
        return personal(texts) if self.mask_personal else ""


def write_draft(path: Path, text: str) -> None:
    """Write a file in one step; a link that stands in the place of the draft or of the file is replaced, not followed.

    Raises:
        OSError: It cannot be written.
    """
    draft = path.with_suffix(".tmp")
    draft.unlink(missing_ok=True)
    with draft.open("x", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def masked_digests(values: Iterable[str]) -> list[str]:
    """What an index keeps of the values of a masked column: 32 hexadecimal digits of each one's folded words.

    Values without words, of more than 16 words or of more than 200 characters are left out.
    """
    words = (key_words(value) for value in values if len(value) <= LONGEST_VALUE)
    return [digest(some) for some in words if 0 < len(some) <= 2 * MAX_WORDS]


def digest(words: Sequence[str]) -> str:
    """The digest of a masked value: of all its folded words as they are, since nothing else verifies a hit on it."""
    joined = " ".join(words).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(joined, digest_size=16).hexdigest()


def digest_keys(digests: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.uint64]]:
    """The key of each digest, uint32 (n,), and the digest itself, uint64 (n, 2)."""
    whole = np.frombuffer(bytes.fromhex("".join(digests)), dtype="<u8").reshape(-1, 2)
    return (whole[:, 0] >> np.uint64(32)).astype(np.uint32), whole.astype(np.uint64)


def _check_document(document: Any) -> None:
    """Raises ValueError unless it is of the form that `Privacy.record` makes: taken for one that hides nothing, another
    document would show what was hidden.
    """
    lists = [document.get(key) for key in ("exclude", "mask")] if isinstance(document, dict) else [None]
    refs = [ref for some in lists if isinstance(some, list) for ref in some]
    sound = all(isinstance(some, list) for some in lists) and isinstance(document.get("mask_personal"), bool)
    named = all(isinstance(ref, list) and len(ref) == 2 and all(isinstance(name, str) for name in ref) for ref in refs)
    if not sound or not named:
        raise ValueError("it holds no lists of columns")


def _spelt(schema: Schema, ref: ColumnRef) -> ColumnRef:
    there = ref.table in schema and ref.column in schema.table(ref.table)
    return _find_column(schema, ref) if there else ref


def _find_column(schema: Schema, ref: ColumnRef) -> ColumnRef:
    if not isinstance(ref, ColumnRef):
        raise UsageError(f"{ref!r} is no column", hint="write ColumnRef(table, column), of ctxprune.sql")
    table = schema.table(ref.table)
    return ColumnRef(table.name, table.column(ref.column).name)
