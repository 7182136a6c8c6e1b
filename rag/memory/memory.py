"""A typed memory over a stream of chunks: amendments are appended, within a budget of tokens.

After Long-Range Tasks Using Short-Context LLMs: Incremental Reasoning With Structured Memories.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import BudgetError, FormatError, InputError, UsageError
from ctxprune.tokens import as_counter
from ctxprune.utils.foreign import check_method
from ctxprune.utils.validation import check_range, check_whole

from ..jsonschema.json_values import unescape_pointer
from .account import DroppedText, MemoryAccount, MemoryUpdate
from .apply import Applier
from .context import MemoryContext
from .entries import MemoryEntry, as_chunk
from .lines import MemoryLines
from .schema import MemorySchema
from .store import FORMAT, VERSION, check_format, read_memory_file, write_memory_file
from .writer import MemoryWriter, Proposal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from ..extract.records import Chunk
    from .entries import Amendment

__all__ = ["StructuredMemory"]


class StructuredMemory:
    """Typed values with their sources, collected over a stream of chunks; safe to share between threads.

    A writer proposes amendments for each chunk: `ChatWriter` lets a chat model write them, `ExtractiveWriter` takes
    sentences of the chunk and needs no model. What the schema does not allow is refused and recorded, and changes
    nothing.

    `text` is what enters a prompt: a line for each entry in the order of writing. It only grows, so that a server can
    reuse the keys and values of its prefix, until it exceeds the budget. Then the memory is compacted, which is the one
    time that the text begins anew: lines that later ones replaced go first, then what the writer ranks lowest, until
    the text takes `compact_to` of the budget.

    Args:
        schema: A JSON Schema (dict or text), a dataclass, a Pydantic model, or a `MemorySchema`.
        budget: Tokens that `text` may take; at least 16.
        counter: What counts tokens: None for the bundled tokenizer, or anything that `as_counter` takes.
        compact_to: Share of the budget that a compaction leaves, over 0, up to 1. With 1 as much as possible stays, but
            every chunk compacts.

    Raises:
        UsageError, InputError: An argument is of the wrong kind or out of range; see `MemorySchema`. Or a compaction
            would leave too few tokens for the path of a key with a word behind it.
        MissingExtraError: A class is given as the schema, and pydantic is not installed (extra `serve`).
    """

    def __init__(self, schema: Any, *, budget: int = 2000, counter: Any = None, compact_to: float = 0.75) -> None:
        check_whole("budget", budget, minimum=16)
        check_range("compact_to", compact_to, open_low=True)
        self.schema = schema if isinstance(schema, MemorySchema) else MemorySchema(schema)
        self.budget, self.compact_to, self.counter = budget, compact_to, as_counter(counter)
        self.account = MemoryAccount()
        self._lines = MemoryLines(self.counter)
        self._check_room()
        self._applier = Applier(self.schema, self._lines, largest=self.largest)
        # Of the last chunk its id, for messages, and a hash over all that was read, for `resume`.
        self._last_chunk, self._stream = "", ""
        # A model may take minutes for a chunk; meanwhile others may read the memory, but not write to it.
        self._turn, self._lock = RLock(), RLock()

    @property
    def entries(self) -> tuple[MemoryEntry, ...]:
        """What the memory holds, in the order of writing, without what was replaced."""
        with self._lock:
            return self._lines.current

    @property
    def text(self) -> str:
        """What enters a prompt: one line an entry, "/people/3 VALUE"; a later line of a path replaces an earlier one.
        "" for an empty memory. It is a prefix of what it will be later, up to the next compaction.
        """
        with self._lock:
            return self._lines.text

    @property
    def tokens(self) -> int:
        """Tokens of `text`; never over the budget."""
        return self.counter.count(self.text)

    @property
    def largest(self) -> int:
        """Tokens that one line may take, so that a compaction can keep it."""
        return int(self.budget * self.compact_to)

    @property
    def generation(self) -> int:
        """How often the text began anew: the number of compactions."""
        return self.account.compactions

    @property
    def value(self) -> dict[str, Any]:
        """The memory as plain JSON in the form of its schema; keys without entries are left out."""
        return _nest(self.schema, self.entries)

    def context(self, *, cite: bool = True, order: str = "chunks") -> MemoryContext:
        """The entries as a context of the core, which can be pruned for a question.

        Args:
            cite: Begin what is of one chunk with its id: "[12] ".
            order: "chunks" renders in the order of the stream, "keys" under the keys of the schema.

        Raises:
            UsageError: The order is another one.
        """
        return MemoryContext(self.entries, self.schema, cite=cite, order=order)

    def update(self, chunk: Any, writer: MemoryWriter) -> MemoryUpdate:
        """Read one chunk: let `writer` propose amendments, and apply them.

        Args:
            chunk: A text, a `Chunk`, a pair (id, text) or a dict with `id` and `text`. Texts are called by number.
            writer: Who proposes amendments.

        Raises:
            UsageError: An argument, or what the writer gives, is of the wrong kind.
            ModelError: The writer's model failed; the memory is as it was, and the chunk counts as unread.
            BudgetError: The counter finds more tokens in no text than the budget has.
        """
        check_method(writer, "write", "a memory writer")
        with self._turn:
            read = as_chunk(chunk, self.account.chunks)
            proposal = writer.write(self, read)
            if not isinstance(proposal, Proposal):
                raise UsageError(f"{type(writer).__name__} gave no Proposal", hint="let `write` return one")
            return self._take(read, proposal, writer)

    async def aupdate(self, chunk: Any, writer: MemoryWriter) -> MemoryUpdate:
        """As `update`, off the event loop's thread."""
        return await asyncio.to_thread(self.update, chunk, writer)

    def apply(self, chunk: Any, amendments: Sequence[Amendment]) -> MemoryUpdate:
        """Read one chunk with amendments that the caller made; errors as `update`."""
        with self._turn:
            return self._take(as_chunk(chunk, self.account.chunks), Proposal(tuple(amendments)), None)

    def read(
        self,
        chunks: Iterable[Any],
        writer: MemoryWriter,
        *,
        save_to: str | Path | None = None,
        resume: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> MemoryAccount:
        """Read a stream, chunk by chunk.

        Args:
            chunks: Any iterable, read once; of what `update` takes.
            writer: Who proposes amendments.
            save_to: Save the memory there after every chunk, so that a run that was killed can go on.
            resume: The memory has read the beginning of this stream already: pass over as many chunks, if their ids and
                texts are those that were read.
            progress: Called with the number of chunks read so far.

        Raises:
            UsageError, ModelError, BudgetError: As `update`; the chunks before are read (and saved).
            InputError: The memory cannot be saved; or it is to resume, and the stream is another or shorter one.
        """
        known = self.account.chunks if resume else 0
        passed, stream = 0, ""
        for given in chunks:
            if passed < known:
                chunk = as_chunk(given, passed)
                stream, passed = _extend_hash(stream, chunk), passed + 1
                if passed == known:
                    self._check_stream(chunk, stream)
                continue
            self.update(given, writer)
            if save_to is not None:
                self.save(save_to)
            if progress is not None:
                progress(self.account.chunks)
        if passed < known:
            raise InputError(f"the stream ends after {passed} chunks, of which {known} were read before")
        return self.account

    def compact(self, writer: MemoryWriter | None = None) -> tuple[DroppedText, ...]:
        """Compact now: the text begins anew, with `compact_to` of the budget at most.

        Args:
            writer: Ranks the entries; None keeps the latest ones.

        Returns:
            What was dropped.

        Raises:
            UsageError: The writer's ranks are not one finite number an entry.
            BudgetError: The counter finds more tokens in no text than the budget has.
        """
        with self._turn, self._lock, self._undo_on_error():
            update = MemoryUpdate("", dropped=tuple(self._compact(writer)), compacted=True)
            self.account.add(update)
            return update.dropped

    def save(self, path: str | Path) -> None:
        """Write the memory to a JSON file, in one step.

        Raises:
            InputError: It cannot be written.
        """
        with self._lock:
            document = self.to_dict()
        write_memory_file(path, document)

    @classmethod
    def load(cls, path: str | Path, *, counter: Any = None) -> StructuredMemory:
        """The memory that `save` wrote; its text is the same, byte for byte.

        Args:
            path: The file.
            counter: As in the constructor; the same as before.

        Raises:
            InputError: It cannot be read.
            FormatError: It is damaged, something else, of another version, or counted with another counter.
        """
        return cls.from_dict(read_memory_file(path), counter=counter)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON, but for the single records of the account."""
        with self._lock:
            return {
                "format": FORMAT,
                "version": VERSION,
                "schema": self.schema.source,
                "budget": self.budget,
                "compact_to": self.compact_to,
                "counter": self.counter.name,
                "last_chunk": self._last_chunk,
                "stream": self._stream,
                "account": self.account.to_dict(),
                "lines": self._lines.to_dict(),
            }

    @classmethod
    def from_dict(cls, document: Any, *, counter: Any = None) -> StructuredMemory:
        """The memory that `to_dict` described.

        Raises:
            FormatError: As `load`.
        """
        check_format(document)
        try:
            memory = cls(
                document["schema"], budget=document["budget"], counter=counter, compact_to=document["compact_to"]
            )
            memory.account = MemoryAccount.from_dict(document["account"])
            memory._lines.restore(document["lines"], memory.schema)
            memory._last_chunk, memory._stream = str(document["last_chunk"]), str(document["stream"])
        except (KeyError, TypeError, ValueError, InputError) as error:
            raise FormatError(f"the memory is damaged ({type(error).__name__}: {error})"[:300]) from error
        if document.get("counter") != memory.counter.name:
            hint = f"give the counter {str(document.get('counter'))[:100]!r}"
            raise FormatError(f"its tokens were not counted by {memory.counter.name!r}", hint=hint)
        if memory.tokens > memory.budget:
            raise FormatError(f"the memory takes more than its budget of {memory.budget} tokens")
        return memory

    def _check_room(self) -> None:
        """Refuse a budget that could hold no value: every one would be refused, chunk after chunk."""
        for key in self.schema.keys:
            line = MemoryEntry(0, f"{key.path}/0", "word", "", 0).line
            if (tokens := self.counter.count(line)) > self.largest:
                told = f"a compaction leaves {self.largest} tokens, and a word at {key.path[:100]!r} takes {tokens}"
                raise UsageError(told, where="budget", hint="raise budget or compact_to, or shorten the key")

    def _check_stream(self, last: Chunk, stream: str) -> None:
        if stream != self._stream:
            told = f"chunk {self.account.chunks} was {self._last_chunk[:100]!r} and is {last.id[:100]!r}"
            if last.id == self._last_chunk:
                told = f"up to chunk {self.account.chunks}, {last.id[:100]!r}, an id or a text has changed"
            raise InputError(f"the stream is another one: {told}", hint="give the same stream, or resume=False")

    def _take(self, chunk: Chunk, proposal: Proposal, writer: MemoryWriter | None) -> MemoryUpdate:
        with self._lock, self._undo_on_error():
            applied = self._applier.apply(chunk, self.account.chunks, proposal.amendments)
            tokens = sum(self._lines.tokens_of(number) for number in applied.written)
            over = self.tokens > self.budget
            made_room = self._compact(writer) if over else []
            dropped = (*applied.dropped, *made_room)
            refused = (*proposal.refused, *applied.refused)
            update = MemoryUpdate(chunk.id, tuple(applied.written), dropped, refused, over)
            self.account.chunks += 1
            self.account.tokens_read += self.counter.count(chunk.text)
            self.account.written += len(applied.written)
            self.account.tokens_written += tokens
            self.account.add(update)
            self._last_chunk, self._stream = chunk.id, _extend_hash(self._stream, chunk)
            return update

    @contextmanager
    def _undo_on_error(self) -> Iterator[None]:
        """Leave lines and account as they were where the block fails: a writer that cannot rank, a counter that raises,
        or Ctrl-C. The chunk is unread then, and can be read again."""
        lines, account, read = self._lines.save_state(), self.account.copy(), (self._last_chunk, self._stream)
        try:
            yield
        except BaseException:
            self._lines.load_state(lines)
            vars(self.account).update(vars(account))  # the object stays the one that the caller may hold
            self._last_chunk, self._stream = read
            raise

    def _compact(self, writer: MemoryWriter | None) -> list[DroppedText]:
        target = int(self.budget * self.compact_to)
        dropped = self._lines.drop_replaced()
        entries = self._lines.current
        order = list(reversed(entries))
        if entries and writer is not None:
            scores = np.asarray(writer.rank(self), dtype=np.float64)
            if scores.shape != (len(entries),) or not np.isfinite(scores).all():
                raise UsageError(f"the ranks of {len(entries)} entries have shape {scores.shape}, or are not finite")
            # Of equal entries the later ones stay.
            order = [entries[index] for index in np.lexsort((-np.arange(len(entries)), -scores))]
        dropped += self._lines.shrink(order, target)
        self.account.compactions += 1
        if self.tokens > self.budget:
            raise BudgetError(f"the memory takes {self.tokens} tokens, over its budget of {self.budget}")
        return dropped


def _extend_hash(stream: str, chunk: Chunk) -> str:
    """Of a stream one chunk longer."""
    digest = hashlib.blake2b(stream.encode(), digest_size=16)
    for part in (chunk.id, chunk.text):
        data = part.encode("utf-8", "surrogatepass")
        # With its length, so that no text can end in what begins the next one.
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def _nest(schema: MemorySchema, entries: Sequence[MemoryEntry]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for key in schema.keys:
        held = [entry for entry in entries if schema.find(entry.path)[0] is key]
        if not held:
            continue
        *above, last = map(unescape_pointer, key.path.split("/")[1:])
        place = document
        for name in above:
            place = place.setdefault(name, {})
        if key.form == "value":
            place[last] = held[-1].value
        elif key.form == "list":
            numbered = sorted((int(schema.find(entry.path)[1]), entry.value) for entry in held)
            place[last] = [value for _, value in numbered]
        else:
            names = (schema.find(entry.path)[1] for entry in held)
            place[last] = {unescape_pointer(name): entry.value for name, entry in zip(names, held, strict=True)}
    return document
