"""Pruning the traffic of a LiteLLM proxy: what its generic guardrail API sends, and what is cut of it.

The proxy sends the texts of a request in one list, and beside it the messages that they come from. Results of tools are
cut to what the user asked before them, so that a result is cut in the same way in each later request of a conversation
and a provider's prompt cache holds. All else passes through as it came: the proxy keeps what an answer does not name
(images, tools, calls of tools), and each text that is not cut comes back unchanged.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from ctxprune.errors import RequestError
from ctxprune.integrations.texts import LEAST_TOKENS, TextsPruner
from ctxprune.rag.sniff import sniff_kind
from ctxprune.scorers.base import as_scorer
from ctxprune.scorers.combined.structured import structured
from ctxprune.serve.replies import encode
from ctxprune.serve.scoring import Outcome
from ctxprune.tokens import as_counter
from ctxprune.utils.validation import plain_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ctxprune.scorers.base import Scorer

__all__ = ["GuardrailRequest", "TrafficPruner"]

_LONGEST_QUESTION = 2_000  # characters from the end of what the user said, where a question mostly stands
_REMEMBERED = 4_000_000  # characters of results, which a conversation sends again with each of its requests
_EMPTIED = "…"  # in the place of a text of which nothing is kept, since providers refuse empty ones
_ROLES = ("tool", "user")
_KNOWN = frozenset({"assistant", "developer", "function", "system", "tool", "user"})


class GuardrailOptions(BaseModel):
    """What `additional_provider_specific_params` of the proxy's configuration may say; other entries are passed over.

    Attributes:
        limit: Tokens of text that one message may have.
        roles: Whose messages are cut: results of tools, and texts that a user sends beside the question ("user").
        scorer: "model" for the service's, which reads what the words put first, or "words" for these alone, in a
            quarter of the time.
    """

    model_config = ConfigDict(strict=True)

    limit: int = 1_000
    roles: list[str] = ["tool"]
    scorer: Literal["model", "words"] = "model"

    @field_validator("limit")
    @classmethod
    def _check_limit(cls, limit: int) -> int:
        if limit < LEAST_TOKENS:
            raise ValueError(f"give {LEAST_TOKENS} or more")
        return limit

    @field_validator("roles")
    @classmethod
    def _check_roles(cls, roles: list[str]) -> list[str]:
        if not set(roles) <= set(_ROLES):
            raise ValueError(f"give some of {', '.join(_ROLES)}")
        return roles


class GuardrailRequest(BaseModel):
    """What the proxy sends, as far as it is read. What does not have the form that is expected is passed through."""

    input_type: Any = "request"
    texts: Any = None
    structured_messages: Any = None
    additional_provider_specific_params: Any = None

    def options(self) -> GuardrailOptions:
        """What the proxy's configuration says.

        Raises:
            RequestError: 422, an option is wrong.
        """
        given = self.additional_provider_specific_params
        try:
            return GuardrailOptions.model_validate(given if isinstance(given, dict) else {})
        except ValidationError as error:
            fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
            place = ".".join(map(str, ("additional_provider_specific_params", *fault["loc"])))
            raise RequestError(f"{place}: {plain_fault(fault['msg'])}", status=422, hint="see /docs") from None


@dataclass(frozen=True)
class _Source:
    """Where a text comes from.

    Attributes:
        message: Index of its message.
        role: Of the message; "" for none that is known.
        question: What the user asked before it, or in it; "" for nothing.
    """

    message: int
    role: str
    question: str


@dataclass
class _Sources:
    """Where all texts that are equal come from, summed up as they are found: there may be as many as texts.

    Attributes:
        places: In the order of the messages.
        roles: Of their messages.
        unasked: Whether one of them has no question.
    """

    places: deque[_Source] = field(default_factory=deque)
    roles: set[str] = field(default_factory=set)
    unasked: bool = False

    def add(self, source: _Source) -> None:
        """One more."""
        self.places.append(source)
        self.roles.add(source.role)
        self.unasked = self.unasked or not source.question

    def take(self) -> _Source:
        """The next one; the last stays, for texts that the messages hold less often."""
        return self.places.popleft() if len(self.places) > 1 else self.places[0]


class TrafficPruner:
    """Prunes what a proxy sends. Safe to share between threads.

    Args:
        scorer: Of the service.
        characters: Of one message that the scorer's model reads at most; 0 for no limit but its own.
    """

    def __init__(self, scorer: Scorer, characters: int = 0) -> None:
        known = as_scorer(scorer)
        model = structured(known.limited_to(characters)) if characters else scorer
        self._scorers = {"model": model, "words": structured(known.cheap)}
        self._memo = _Memo()

    def prune(self, request: GuardrailRequest, mark: str = "") -> Outcome:
        """The answer to the proxy: the texts, some of them cut, or that nothing is changed.

        Args:
            request: Of the proxy.
            mark: What stands in the request for what was left out as it arrived; "" where it is whole.

        Raises:
            RequestError: 422, an option in the proxy's configuration is wrong.
        """
        options, texts = request.options(), request.texts
        if request.input_type != "request" or not isinstance(texts, list):
            # What the model wrote is not pruned.
            return _outcome(texts, texts, Counter())
        if mark and any(_lacks_content(text, mark) for text in texts):
            # An answer that changes one text has to give all of them, and this one is not known here.
            return _outcome(texts, texts, Counter(attachment=len(texts)))
        pruner = TextsPruner(options.limit, self._scorers[options.scorer], as_counter())
        tokens = _count_tokens(texts)
        new, counts = list(texts), Counter[str]()
        for places, question in _groups(texts, request.structured_messages, options, counts):
            old, sizes = tuple(texts[place] for place in places), [tokens[place] for place in places]
            if sum(sizes) <= options.limit:
                counts["short"] += len(places)
                continue
            key = (options.limit, options.scorer, question, *old)
            cut = self._memo.get(key, partial(pruner.cut, question, old, sizes))
            for place, text in zip(places, cut, strict=True):
                new[place] = text or _EMPTIED
                counts["pruned" if text != texts[place] else "kept"] += 1
        return _outcome(texts, new, counts, tokens)


class _Memo:
    """The last results, up to `_REMEMBERED` characters of them, by the hash of what they were made of."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[bytes, tuple[str, ...]] = OrderedDict()
        self._size = 0

    def get(self, key: tuple[object, ...], build: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
        """What `build` gives, or gave for that key."""
        digest = hashlib.sha256(repr(key).encode()).digest()
        with self._lock:
            if digest in self._entries:
                self._entries.move_to_end(digest)
                return self._entries[digest]
        value = build()
        with self._lock:
            if digest not in self._entries:
                self._entries[digest] = value
                self._size += sum(map(len, value))
            while self._size > _REMEMBERED:
                _, oldest = self._entries.popitem(last=False)
                self._size -= sum(map(len, oldest))
        return value


def _groups(
    texts: Sequence[Any], messages: Any, options: GuardrailOptions, counts: Counter[str]
) -> Iterator[tuple[list[int], str]]:
    """The places of texts that are cut together, those of one message, with the question. Others are counted."""
    sources, roles = _sources(messages), frozenset(options.roles)
    groups: dict[_Source, list[int]] = defaultdict(list)
    for place, text in enumerate(texts):
        reason = _reason_to_pass(text, sources, roles)
        if reason:
            counts[reason] += 1
        else:
            # Equal texts of one role come in the order of their messages.
            groups[sources[text].take()].append(place)
    for source, places in groups.items():
        yield places, source.question


def _reason_to_pass(text: Any, sources: dict[str, _Sources], roles: frozenset[str]) -> str:
    """Why a text is not looked at; "" where it may be cut."""
    if not isinstance(text, str):
        return "no_text"
    found = sources.get(text)
    # A comparison of sets looks at their sizes first, so however many roles there are it is short.
    if found is None or not found.roles <= _KNOWN:
        return "unknown_role"
    # A text that also stands in another message, such as the system's, is not cut in either.
    if not found.roles <= roles:
        return "other_role"
    if found.unasked:
        return "no_question"
    return "broken_json" if _is_broken_json(text) else ""


def _lacks_content(text: Any, mark: str) -> bool:
    """Whether a text is a data URL, or an entry that is no text holds one, which was left out as it arrived."""
    try:
        return mark in (text if isinstance(text, str) else repr(text))
    except RecursionError:  # it was parsed with a few calls fewer around it
        return True


def _is_broken_json(text: str) -> bool:
    """Whether a text begins as JSON and is none: somebody cut it, and no part of it can be read on its own."""
    if sniff_kind(text) != "json":
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return True
    return False


def _sources(messages: Any) -> dict[str, _Sources]:
    """Where each text comes from, by the text; the proxy does not say which text is of which message."""
    found: dict[str, _Sources] = defaultdict(_Sources)
    question = ""
    for index, message in enumerate(messages if isinstance(messages, list) else ()):
        if not isinstance(message, dict):
            continue
        role = message.get("role")
        role = role if isinstance(role, str) else ""
        parts = list(_texts_of(message.get("content")))
        if role == "user" and parts:
            question = parts[-1].strip()[-_LONGEST_QUESTION:]
        for number, text in enumerate(parts):
            # The last text of a user's message is the question itself; it is never cut.
            asks = role == "user" and number == len(parts) - 1
            found[text].add(_Source(index, role, "" if asks else question))
    return found


def _texts_of(content: Any) -> Iterator[str]:
    """As the proxy reads them: a content that is a text, or the texts of its parts."""
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            yield part["text"]


def _count_tokens(texts: Sequence[Any]) -> list[int]:
    """Of each text; 0 of an entry that is none."""
    return as_counter().count_many([text if isinstance(text, str) else "" for text in texts])


def _outcome(texts: Any, new: Any, counts: Counter[str], tokens: Sequence[int] = ()) -> Outcome:
    """The answer, with the tokens of each of `texts` where they are known."""
    if isinstance(texts, list):
        tokens = tokens or _count_tokens(texts)
    changed = [place for place, text in enumerate(new if tokens else ()) if text is not texts[place]]
    before = sum(tokens)
    after = before - sum(tokens[place] for place in changed) + sum(_count_tokens([new[place] for place in changed]))
    body: dict[str, Any] = {"action": "NONE"}
    if new != texts:
        body = {"action": "GUARDRAIL_INTERVENED", "texts": new}
    body["ctxprune"] = {"tokens_before": before, "tokens_after": after, "texts": dict(counts)}
    fields: dict[str, object] = {"tokens": before, "texts": dict(counts)}
    return Outcome(encode(body), "guardrail", (before, after), {}, fields, dict(counts))
