"""Chat models: a llama.cpp file, an OpenAI-compatible server, or any LangChain chat model."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.client import HTTPException, IncompleteRead
from pathlib import Path
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any
from urllib import error as url_error
from urllib import parse, request

from ctxprune.errors import InputError, ModelError, UsageError
from ctxprune.llm.base import LATE, ChatAnswer
from ctxprune.llm.deadline import Deadline, current_deadline
from ctxprune.llm.langchain import InvokeModel, as_chat_model
from ctxprune.llm.limited import CallLimits, LimitedModel, Prices
from ctxprune.utils.cancellation import is_cancelled
from ctxprune.utils.extras import require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.llm.base import ChatModel, Message, Sampling

__all__ = [
    "CallLimits",
    "InvokeModel",
    "LimitedModel",
    "LlamaCppModel",
    "OpenAIModel",
    "Prices",
    "as_chat_model",
    "open_chat_model",
]

# Control tokens of the usual chat templates; a local model would read them out of data as the real thing.
_CONTROL = re.compile(r"<(?=[|｜]|/?s>|(?:start|end)_of_turn>)|\[(?=/?INST\])")
_NAME_SECONDS = 10.0  # for asking a server which model it has
_MAX_REPLY = 16_000_000  # bytes of one HTTP answer


def open_chat_model(spec: str, *, api_key: str = "", threads: int | None = None) -> ChatModel:
    """A chat model from one word, as the command line takes it.

    Args:
        spec: A path of a GGUF file, or the base URL of an OpenAI-compatible server, with `#model-name` behind it
            where the server has several ("http://localhost:8000/v1#qwen").
        api_key: Sent to the server as a bearer token; "" for none.
        threads: Threads of a local model; None for its own choice.

    Raises:
        InputError: There is no such file.
        MissingExtraError: A file needs the extra `llm`.
        UsageError: The URL is malformed.
    """
    if spec.startswith(("http://", "https://")):
        url, _, model = spec.partition("#")
        return OpenAIModel(url, model, api_key=api_key)
    return LlamaCppModel(Path(spec), threads=threads)


class LlamaCppModel:
    """A GGUF file, run in this process by llama-cpp-python (extra `llm`). Calls from several threads take turns.

    The beginning that a prompt shares with the one before is not computed again, so put what stays the same first.

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
        self._lock = threading.Lock()
        self._llama: Any = None
        self._fingerprint = ""

    @property
    def fingerprint(self) -> str:
        """Name, size and a hash over samples of the file, and the runtime's version."""
        if not self._fingerprint:
            version = getattr(require("llama_cpp", "llm"), "__version__", "")
            self._fingerprint = f"llama.cpp:{self.path.name}:{_sampled_hash(self.path)}:{version}"
        return self._fingerprint

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Sequence[ChatAnswer]:
        """`sampling.n` answers with seeds seed, seed + 1, ...; fewer when the deadline passes in between.

        Raises:
            ModelError: The prompt does not fit the context, the file cannot be loaded, or the deadline passed while
                other calls had their turn: nobody waits for the answer any more.
            MissingExtraError: llama-cpp-python is not installed.
        """
        turns = [{"role": message.role, "content": _CONTROL.sub("< ", message.content)} for message in messages]
        deadline = current_deadline() or Deadline(sampling.seconds)
        answers: list[ChatAnswer] = []
        with self._lock:
            if deadline.left() <= 0:
                raise ModelError(f"{LATE} {deadline.seconds:g} s, other calls took them", where=str(self.path))
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
            library = require("llama_cpp", "llm")
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
    text, usage = _first_choices(reply)[0], reply.get("usage", {})
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


@dataclass(frozen=True)
class OpenAIModel:
    """A server that speaks OpenAI's chat completions (vLLM, llama.cpp's server, Ollama, hosted ones). It asks once;
    `LimitedModel` around it tries again, keeps to limits and counts costs.

    Attributes:
        url: Base URL, usually ending in /v1.
        model: Model name; "" takes the first that the server lists.
        api_key: Bearer token; "" for none. It is sent to this host only: redirects are not followed. It stands in no
            name, trace or error.
        extra: Further fields of the request body. They are part of the name, so put no secret there.

    Raises:
        UsageError: The URL is not http or https, or holds a password or a query; or the key cannot be sent in a header.
    """

    url: str
    model: str = ""
    api_key: str = field(default="", repr=False)
    extra: dict[str, Any] = field(default_factory=dict)
    _found: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = parse.urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UsageError(f"not an http or https URL: {self.url!r}", where="url")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise UsageError(
                "the URL holds a password, a query or a fragment", where="url", hint="give api_key or extra"
            )
        key = self.api_key.strip()
        if not all("!" <= char <= "~" for char in key):
            raise UsageError("the key holds blanks or characters that no header can carry", where="api_key")
        object.__setattr__(self, "api_key", key)

    @property
    def fingerprint(self) -> str:
        """URL, model name (the server's own where none was given) and extra fields.

        Raises:
            ModelError: The server does not say which model it has.
        """
        return self._label(self._name(_NAME_SECONDS))

    @property
    def name(self) -> str:
        """The fingerprint, with "?" for the model as long as the server was not asked which one it has."""
        return self._label(self.model or next(iter(self._found), "?"))

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Sequence[ChatAnswer]:
        """One request for all n answers; a server that gives fewer gives fewer.

        Raises:
            ModelError: The server cannot be reached, refuses, is late, or answers in another form.
        """
        body = {
            "model": self._name(sampling.seconds),
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "temperature": sampling.temperature,
            "max_tokens": sampling.max_tokens,
            "seed": sampling.seed,
            "n": sampling.n,
            **({"stop": list(sampling.stop)} if sampling.stop else {}),
            **self.extra,
        }
        start = perf_counter()
        reply = self._call("/chat/completions", body, sampling.seconds)
        texts = _first_choices(reply)
        ms = (perf_counter() - start) * 1e3 / len(texts)
        usage = reply.get("usage") or {}
        tokens_in, tokens_out = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
        share = [tokens_out // len(texts)] * len(texts)
        share[0] += tokens_out - sum(share)
        return [ChatAnswer(text, tokens_in if i == 0 else 0, share[i], ms) for i, text in enumerate(texts)]

    def _label(self, name: str) -> str:
        extra = json.dumps(self.extra, sort_keys=True, default=str) if self.extra else ""
        return f"openai:{self.url.rstrip('/')}:{name}:{extra}"

    def _name(self, seconds: float) -> str:
        if self.model:
            return self.model
        if not self._found:
            reply = self._call("/models", None, seconds)
            try:
                self._found.append(str(reply["data"][0]["id"]))
            except (KeyError, IndexError, TypeError) as error:
                raise ModelError(
                    "the server lists no model", where=self.url, hint="put #model-name behind it"
                ) from error
        return self._found[0]

    def _call(self, path: str, body: dict[str, Any] | None, seconds: float) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key}"
        payload = None if body is None else json.dumps(body).encode()
        call = request.Request(self.url.rstrip("/") + path, data=payload, headers=headers)  # noqa: S310 - checked above
        try:
            with request.build_opener(_NoRedirect).open(call, timeout=seconds) as answer:
                raw = _body(answer, monotonic() + seconds)
        except url_error.HTTPError as error:
            with error:
                text = " ".join(error.read(400).decode("utf-8", "replace").split())
            hint = "its key is missing: give api_key, or set CTXPRUNE_API_KEY for the command line"
            hint = hint if error.code in {401, 403} and not self.api_key else ""
            raise ModelError(f"HTTP {error.code}: {self._safe(text)}", where=self.url, hint=hint) from error
        except (OSError, ValueError, HTTPException) as error:
            why = error.reason if isinstance(error, url_error.URLError) else error
            raise ModelError(f"the server cannot be reached: {self._safe(str(why))}", where=self.url) from error
        return _json_object(raw, self.url)

    def _safe(self, text: str) -> str:
        """`text` without the key, which some servers repeat."""
        return text.replace(self.api_key, "***") if self.api_key else text


def _body(answer: Any, end: float) -> bytes:
    """All of an HTTP answer, piece by piece, since the socket's own timeout begins anew with each piece.

    Raises:
        TimeoutError: It is not complete at `end`.
        IncompleteRead: The connection broke off.
    """
    said = answer.length
    raw = bytearray()
    while len(raw) <= _MAX_REPLY and (said is None or len(raw) < said):
        if monotonic() > end:
            raise TimeoutError("timed out")
        piece = answer.read1(1 << 16)
        if not piece:
            break
        raw += piece
    if said is not None and len(raw) < min(said, _MAX_REPLY):
        raise IncompleteRead(bytes(raw), said - len(raw))
    return bytes(raw)


class _NoRedirect(request.HTTPRedirectHandler):
    """A redirect would carry the key to another host."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        return None


def _json_object(raw: bytes, where: str) -> dict[str, Any]:
    try:
        reply = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ModelError("the server's answer is not JSON", where=where) from error
    if len(raw) > _MAX_REPLY or not isinstance(reply, dict):
        raise ModelError("the server's answer is too long or not a JSON object", where=where)
    return reply


def _first_choices(reply: Any) -> list[str]:
    try:
        messages = [choice["message"] for choice in reply["choices"]]
        texts = [str(message.get("content") or message.get("refusal") or "") for message in messages]
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelError("the answer has no choices[].message") from error
    if not texts:
        raise ModelError("the answer has no choices")
    return texts
