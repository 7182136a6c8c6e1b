"""What an extraction gives: records, each value with the place in the source where it stands, and an account."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ctxprune.errors import UsageError
from ctxprune.utils.foreign import optional_member
from ctxprune.utils.plain_data import as_plain
from ctxprune.utils.validation import describe_type

__all__ = ["Chunk", "ExtractedValue", "Extraction", "Failure", "Record", "as_chunks", "nest_values", "set_path"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A text that records are extracted from.

    Attributes:
        text: Any characters, any length.
        id: Names the chunk in records and provenance.
    """

    text: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class ExtractedValue:
    """One value of a record.

    Attributes:
        path: Of the field in the record, with the index of an item: "tags.0".
        value: As JSON writes it; dates in ISO 8601.
        text: The characters of the source that say it, `chunk.text[start:end]`; "" where none do.
        span: Characters [start, end) in the chunk's text; None where the value does not stand there.
        score: 0..1, how well the place fits the field; 1 for a model's value that was found, 0 for one that was not.
        unit: Of a number: "EUR", "kg", "%"; "" for none.
    """

    path: str
    value: Any
    text: str = ""
    span: tuple[int, int] | None = None
    score: float = 0.0
    unit: str = ""

    @property
    def is_supported(self) -> bool:
        """Whether the value stands in the source."""
        return self.span is not None


@dataclass(frozen=True)
class Record:
    """One record.

    Attributes:
        chunk: Id of the chunk that it comes from.
        data: Field names and values, nested as in the schema.
        values: The leaves of `data` with their evidence.
        problems: What is wrong with it, each "PATH: what"; () for nothing.
    """

    chunk: str
    data: dict[str, Any]
    values: tuple[ExtractedValue, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def unsupported(self) -> tuple[str, ...]:
        """Paths of the values that do not stand in the source."""
        return tuple(value.path for value in self.values if not value.is_supported)


@dataclass(frozen=True, slots=True)
class Failure:
    """A chunk that gave no record because something went wrong.

    Attributes:
        chunk: Its id.
        reason: What went wrong.
    """

    chunk: str
    reason: str


@dataclass(frozen=True)
class Extraction:
    """The records of all chunks.

    Attributes:
        records: In the order of the chunks, then of the text.
        failures: Chunks that gave none because something went wrong.
        tokens_full: Tokens of the prompts with the whole schema and the whole chunks; 0 without a model.
        tokens_sent: Tokens of the prompts that were sent, retries not counted.
        tokens_in, tokens_out: Of all calls, as the model counts them.
        retries: Calls that were made since an answer had errors.
        dropped_fields: For each chunk's id the paths of the fields that pruning left out of its first prompt.
    """

    records: tuple[Record, ...] = ()
    failures: tuple[Failure, ...] = ()
    tokens_full: int = 0
    tokens_sent: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    retries: int = 0
    dropped_fields: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Any:
        return iter(self.records)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, dicts, texts and numbers."""
        account = ("tokens_full", "tokens_sent", "tokens_in", "tokens_out", "retries")
        return {
            "format": "ctxprune.extraction",
            "version": 1,
            "records": [as_plain(asdict(record)) for record in self.records],
            "failures": [asdict(failure) for failure in self.failures],
            **{name: getattr(self, name) for name in account},
            "dropped_fields": as_plain(self.dropped_fields),
        }


def as_chunks(chunks: Any) -> list[Chunk]:
    """Read what is extracted from: a text, a `Chunk`, a document with `page_content`, or a list of them.

    A chunk without an id is called by its number, from "0". An id that comes again gets a number behind it ("a.txt#2"),
    so that records, review rows and provenance say which of the chunks they are of.

    Raises:
        UsageError: Something is none of these.
    """
    if isinstance(chunks, (str, Chunk)) or optional_member(chunks, "page_content") is not None:
        chunks = [chunks]
    if not isinstance(chunks, Iterable) or isinstance(chunks, (dict, bytes)):
        raise UsageError(f"chunks is {describe_type(chunks)}", hint="give a list of texts, Chunk(...) or documents")
    taken, counts = set[str](), dict[str, int]()
    return [_number_id(_as_chunk(item, index), taken, counts) for index, item in enumerate(chunks)]


def _number_id(chunk: Chunk, taken: set[str], counts: dict[str, int]) -> Chunk:
    name = chunk.id
    while name in taken:
        counts[chunk.id] = counts.get(chunk.id, 1) + 1
        name = f"{chunk.id}#{counts[chunk.id]}"
    taken.add(name)
    return chunk if name == chunk.id else Chunk(chunk.text, name)


def _as_chunk(item: Any, index: int) -> Chunk:
    if isinstance(item, Chunk):
        text, name = item.text, item.id
    elif isinstance(item, str):
        text, name = item, ""
    else:
        text, name = optional_member(item, "page_content"), optional_member(item, "id") or ""
    if not isinstance(text, str) or not isinstance(name, str):
        raise UsageError(f"chunk {index} is {describe_type(item)}", hint="give a text, Chunk(text, id) or a document")
    return Chunk(text, name or str(index))


def nest_values(
    values: Iterable[ExtractedValue], many: Sequence[str] = (), flat: Collection[str] = ()
) -> dict[str, Any]:
    """The object that holds these values, by their paths; those in `many` become lists, those in `flat` are names."""
    data: dict[str, Any] = {}
    listed = set(many)
    for value in values:
        path = value.path.rpartition(".")[0] if value.path.rpartition(".")[2].isdigit() else value.path
        if path in flat:
            data[path] = [*data.get(path, ()), value.value] if path in listed else value.value
        elif path in listed:
            set_path(data, path, [*_get_path(data, path), value.value])
        else:
            set_path(data, value.path, value.value)
    return data


def set_path(data: dict[str, Any], path: str, value: Any) -> None:
    """Put `value` into nested objects, which are made where they lack."""
    *above, name = path.split(".")
    for step in above:
        inner = data.setdefault(step, {})
        if not isinstance(inner, dict):
            return
        data = inner
    data[name] = value


def _get_path(data: Any, path: str) -> list[Any]:
    for step in path.split("."):
        data = data.get(step) if isinstance(data, dict) else None
    return data if isinstance(data, list) else []
