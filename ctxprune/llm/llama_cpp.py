"""Local models in GGUF files, by llama-cpp-python."""

from __future__ import annotations

import hashlib
import re
import threading
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError, MissingExtraError, ModelError, UsageError
from ctxprune.llm.base import ChatAnswer, ChatModel
from ctxprune.llm.deadline import Deadline, current_deadline, timeout_error
from ctxprune.llm.openai import choice_texts
from ctxprune.utils.cancellation import is_cancelled
from ctxprune.utils.extras import require
from ctxprune.utils.foreign import optional_member

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctxprune.llm.base import Message, Sampling

__all__ = ["LlamaCppModel"]

_SMALL = 2_000_000_000  # bytes of a file: about 3 billion parameters at 4 bits
# Control tokens of the usual chat templates; a local model would read them out of data as the real thing.
_CONTROL = re.compile(r"<(?=[|｜]|/?s>|(?:start|end)_of_turn>)|\[(?=/?INST\])")


class LlamaCppModel(ChatModel):
    """A GGUF file, run in this process by llama-cpp-python (extra `llm`). Calls from several threads take turns.

    The prefix that a prompt shares with the one before is not computed again, so put what stays the same first.

    Args:
        path: The file; it is loaded at the first call.
        context: Tokens of prompt and answer together; a longer prompt is a ModelError.
        threads: Threads; None for llama.cpp's choice.

    Raises:
        InputError: There is no such file.
        UsageError: A number is out of its range.
    """

    def __init__(self, path: str | Path, *, context: int = 8192, threads: int | None = None) -> None:
        self.path, self.context, self.threads = Path(path), context, threads
        if context < 64 or (threads is not None and threads < 1):
            raise UsageError("context must be at least 64 and threads at least 1", where="context, threads")
        if not self.path.is_file():
            raise InputError("no such model file", where=str(self.path), hint="give the path of a GGUF file")
        self._size = self.path.stat().st_size
        self._lock = threading.Lock()
        self._llama: Any = None
        self._fingerprint = ""

    @property
    def span_attributes(self) -> Mapping[str, str | int]:
        """The runtime, and the name of the file."""
        return {"gen_ai.provider.name": "llama_cpp", "gen_ai.request.model": self.path.stem}

    @property
    def fingerprint(self) -> str:
        """Name, size and a hash over samples of the file, and the runtime's version."""
        if not self._fingerprint:
            # The version belongs to it since releases tokenize differently; builds from source may lack it.
            version = optional_member(_import_runtime(), "__version__", "")
            self._fingerprint = f"llama.cpp:{self.path.name}:{_sampled_hash(self.path)}:{version}"
        return self._fingerprint

    @property
    def is_small(self) -> bool:
        """Whether the file is below 2 GB."""
        return self._size < _SMALL

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Sequence[ChatAnswer]:
        """`sampling.n` answers with seeds seed, seed + 1, ...; fewer when the deadline passes in between.

        Raises:
            ModelError: The prompt does not fit the context, the file cannot be loaded, or the deadline passed while
                other calls had their turn, so that nobody waits for the answer any more.
            MissingExtraError: llama-cpp-python is not installed.
        """
        turns = [{"role": message.role, "content": _CONTROL.sub("< ", message.content)} for message in messages]
        deadline = current_deadline() or Deadline(sampling.seconds)
        answers: list[ChatAnswer] = []
        with self._lock:  # one context, so one call at a time
            if deadline.left() <= 0:
                raise timeout_error(deadline.seconds, where=str(self.path), note=", other calls took them")
            llama = self._load()
            for turn in range(sampling.n):
                if is_cancelled() or (answers and deadline.left() <= 0):
                    break
                try:
                    answers.append(_llama_answer(llama, turns, sampling, turn))
                except (ValueError, RuntimeError) as error:
                    raise ModelError(f"the model cannot answer: {error}", where=str(self.path)) from error
        return answers

    def _load(self) -> Any:
        if self._llama is None:
            library = _import_runtime()
            try:
                self._llama = library.Llama(
                    str(self.path),
                    n_ctx=self.context,
                    n_threads=self.threads,
                    n_threads_batch=self.threads,
                    verbose=False,
                )
            except (ValueError, RuntimeError, OSError) as error:
                raise ModelError(f"the model cannot be loaded: {error}", where=str(self.path)) from error
        return self._llama


def _import_runtime() -> Any:
    """llama-cpp-python.

    Raises:
        MissingExtraError: It is not installed, or one of the packages that it imports is not; that one is named.
    """
    try:
        return require("llama_cpp", "llm")
    except MissingExtraError as error:
        cause = error.__cause__
        missing = (cause.name or "") if isinstance(cause, ModuleNotFoundError) else ""
        if missing.partition(".")[0] in ("", "llama_cpp"):
            raise
        raise MissingExtraError(missing.partition(".")[0], "llm") from cause


def _llama_answer(llama: Any, turns: list[dict[str, str]], sampling: Sampling, turn: int) -> ChatAnswer:
    start = perf_counter()
    reply = llama.create_chat_completion(
        turns,
        temperature=sampling.temperature,
        top_p=1.0 if sampling.temperature == 0 else 0.95,
        max_tokens=sampling.max_tokens,
        seed=sampling.seed + turn,
        stop=list(sampling.stop),
    )
    text, usage = choice_texts(reply)[0], reply.get("usage", {})
    tokens_in = int(usage.get("prompt_tokens", 0)) if turn == 0 else 0
    return ChatAnswer(text, tokens_in, int(usage.get("completion_tokens", 0)), (perf_counter() - start) * 1e3)


def _sampled_hash(path: Path) -> str:
    """sha256 over size and 16 blocks spread over the file: hashing gigabytes at every start would cost too much."""
    size, block = path.stat().st_size, 1 << 16
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        for part in range(16):
            file.seek(max(0, (size - block) * part // 15))
            digest.update(file.read(block))
    return digest.hexdigest()[:16]
