"""POST /v1/prune: what a question needs of a text, of documents, of a page, a table, a JSON text or a log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field, field_validator

from ctxprune.errors import InputError, RequestError, UnknownNameError
from ctxprune.policies import Adaptive, BudgetShare, Policy, TableBudget, Threshold, TokenBudget, TopK
from ctxprune.pruning.pruner import Pruner
from ctxprune.rag import Passage, PassageOptions, PassagePruner, Passages
from ctxprune.rag.kinds import KINDS, TABLES, read_context
from ctxprune.rag.passages.fallback import FallbackPassage
from ctxprune.rag.sniff import sniff_kind
from ctxprune.serve.replies import Json, encode
from ctxprune.serve.routes.base import LONGEST_NAME, BodyRoute, CallOf, ServiceOf, Strict, describe_replies, make_reply
from ctxprune.serve.scoring import Outcome, Scored, Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxprune.context.base import Context
    from ctxprune.pruning.result import Pruned
    from ctxprune.scorers.base import Scorer

__all__ = ["PruneRequest", "plan", "router"]

_TABLE_WIDTH = 2  # columns from which delimited text is surely a table
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?%")
router = APIRouter(prefix="/v1", tags=["pruning"], route_class=BodyRoute)


class Document(Strict):
    """One document."""

    text: str
    title: str = ""


class PruneRequest(Strict):
    """What is to be pruned, for which question, and how much may stay.

    At most one of `budget`, `top_k` and `threshold` says how much; without any the scores decide.
    """

    query: str = Field(min_length=1, max_length=10_000)
    kind: str | None = Field(
        None,
        max_length=LONGEST_NAME,
        description=f"What the text is: {', '.join(KINDS)}; or auto, by its looks. Without a kind documents and what"
        " may be Markdown are text, with `as` a text is html, and other texts go by their looks.",
    )
    text: str | None = Field(None, description="One text of that kind; the answer's output is one, too.")
    documents: Annotated[list[str | Document], Field(fail_fast=True)] | None = Field(
        None, description="Several texts, for kind text."
    )
    budget: int | str | None = Field(
        None,
        description='Tokens that may stay, of all documents together; or a share of what came, such as "25%".',
        examples=[200, "25%"],
    )
    top_k: int | None = Field(None, ge=1, description="Units (sentences, blocks, rows, JSON values) that may stay.")
    threshold: float | None = Field(None, description="Least score that stays.")
    on_empty: Literal["keep_best", "keep_all", "drop"] = "keep_best"
    form: Literal["html", "markdown", "text"] | None = Field(
        None, alias="as", description="Form in which a page (kind html) comes back; html without it."
    )
    markdown: bool = Field(
        False,
        description="Read text and documents as Markdown: headings come with what stands under them, code stays whole.",
    )
    reorder: bool = Field(False, description="Most relevant document first in `order`.")

    @field_validator("budget", mode="before")
    @classmethod
    def _check_budget(cls, value: Any) -> Any:
        whole = type(value) is int and value >= 0
        if value is None or whole or (isinstance(value, str) and _read_share(value) is not None):
            return value
        raise ValueError('give a number of tokens from 0 up, or a share up to "100%"')


class PruneReply(BaseModel):
    """What is kept, an account of each unit, and of each document its relevance."""

    query: str
    kind: str
    noun: str = Field(description="What a unit of this kind is called, in the plural.")
    output: str | list[str] = Field(description="What is kept: a text, or one for each document.")
    tokens_before: int
    tokens_after: int
    units_before: int = Field(description="Units that came in; of a table its rows and its columns.")
    units_after: int
    counter: str = Field(description="What counted the tokens.")
    scorer: str
    policy: str
    note: str = Field(
        description='What a reader should know: what was left out, or how the text was read; "" for none.'
    )
    oversized: dict[str, int] | None = Field(
        description="Where the best unit did not fit: its `index` and `tokens`, the `budget` that would hold it, and"
        " how many of its `parts` are `kept`. Where the question needs several rows: how many `rows`, and how many are"
        " `kept`. Else null."
    )
    seconds: dict[str, float] = Field(description="Time by step.")
    units: list[dict[str, Any]] = Field(description="Each with its text, score, place and whether it is kept.")
    relevance: list[float] = Field(description="Of each document, higher for more relevant.")
    order: list[int] = Field(description="Places of the documents, the most relevant first if `reorder` asks for that.")


_REQUEST_EXAMPLES = {
    "one text": {"value": {"query": "When did the bridge open?", "text": "The bridge is long. It opened in 1933."}},
    "documents within a budget": {
        "value": {
            "query": "When did the bridge open?",
            "documents": ["The bridge is long. It opened in 1933.", {"title": "Cats", "text": "Cats sleep."}],
            "budget": 20,
        }
    },
    "a table": {
        "value": {"query": "When was Paris?", "kind": "csv", "text": "Year,City\n1896,Athens\n1900,Paris\n", "top_k": 1}
    },
    "a JSON text": {
        "value": {"query": "Which bridge?", "kind": "json", "text": '[{"bridge": "Golden Gate"}, {"cat": "Tom"}]'}
    },
}
_REPLY_EXAMPLE = {
    "query": "When did the bridge open?",
    "kind": "text",
    "noun": "sentences",
    "output": "It opened in 1933.",
    "tokens_before": 12,
    "tokens_after": 7,
    "units_before": 2,
    "units_after": 1,
    "counter": "ctxprune-bpe.v1",
    "scorer": "cascade.v1",
    "policy": "adaptive.v1",
    "note": "",
    "oversized": None,
    "seconds": {"count": 0.001, "score": 0.02, "select": 0.0, "render": 0.0},
    "units": [{"index": 1, "text": "It opened in 1933.", "kept": True, "score": 0.97, "span": [20, 38]}],
    "relevance": [0.98],
    "order": [0],
}


@router.post("/prune", responses=describe_replies(PruneReply, _REPLY_EXAMPLE))
async def prune(
    request: Annotated[PruneRequest, Body(openapi_examples=_REQUEST_EXAMPLES)], service: ServiceOf, call: CallOf
) -> Json:
    """Keep what the question needs, byte for byte, and account for the rest."""
    task = plan(request, service.scoring.scorer, call.id)
    return make_reply(await service.scoring.do(task, call.key, call.cost), service, call)


def plan(request: PruneRequest, scorer: Scorer, _request_id: str) -> Task[Outcome]:
    """What is to be done for a request.

    Raises:
        UnknownNameError: There is no such kind.
        RequestError: The parts of the request contradict each other.
    """
    kind, guessed = request.kind, request.kind in (None, "auto")
    if guessed:
        kind = _guess_kind(request)
        request = request.model_copy(update={"kind": kind})
    if kind not in KINDS:
        raise UnknownNameError("kind", str(kind), ["auto", *KINDS])
    if request.form is not None and kind != "html":
        raise RequestError(f"as is for pages, and this is {kind}", status=422, hint="leave it out")
    return _texts(request, scorer) if kind == "text" else _structured(request, scorer, guessed=guessed)


def _guess_kind(request: PruneRequest) -> str:
    if request.text is None:
        return "text"
    # Who names no kind and says how to read or write it means that kind; and what only looks like Markdown mostly is.
    if request.kind is None and (request.markdown or request.reorder):
        return "text"
    if request.kind is None and request.form is not None:
        return "html"
    looks = sniff_kind(request.text)
    return "text" if request.kind is None and looks == "markdown" else looks


def _texts(request: PruneRequest, scorer: Scorer) -> Task[Outcome]:
    """Sentences of one text or of several."""
    pruner = Pruner(scorer, _policy(request), None, request.on_empty)
    options = PassageOptions(markdown=request.markdown, headings=request.markdown)
    if (request.text is None) == (request.documents is None):
        raise RequestError("give one of text and documents", status=422)
    if request.text is not None:
        return _single(request, lambda text: Passage(text, options=options), pruner)
    documents = [Document(text=entry) if isinstance(entry, str) else entry for entry in request.documents or ()]
    titles = tuple(document.title for document in documents)
    passage_pruner = PassagePruner(pruner, reorder=request.reorder)

    def make() -> Passages:
        texts = tuple(document.text for document in documents)
        return Passages(texts, options=options, titles=titles if any(titles) else ())

    def finish(scored: Scored) -> Outcome:
        ranked = passage_pruner.prune_scored(
            request.query, scored.context, scored.units, scored.documents, seconds=scored.seconds
        )
        return _outcome(request, ranked.pruned, {"relevance": ranked.relevance, "order": ranked.order})

    return Task(request.query, make, finish)


def _structured(request: PruneRequest, scorer: Scorer, *, guessed: bool) -> Task[Outcome]:
    """A text of any other kind, which stays one of its kind; where that was `guessed` and is wrong, plain text."""
    if request.text is None or request.documents is not None:
        raise RequestError(f"kind {request.kind} takes one text", status=422, hint="send it as a string, in text")
    for name, value in (("markdown", request.markdown), ("reorder", request.reorder)):
        if value:
            raise RequestError(f"{name} is for kind text, and this is {request.kind}", status=422, hint="leave it out")
    policy = _policy(request, table=request.kind in TABLES)
    pruner = Pruner(scorer, policy, None, request.on_empty)
    return _single(request, lambda text: _context(text, request, guessed=guessed), pruner)


def _context(text: str, request: PruneRequest, *, guessed: bool) -> Context[str]:
    try:
        if request.form is not None:
            from ctxprune.rag.html import HtmlOptions, HtmlPage

            return HtmlPage(text, HtmlOptions(output=request.form))
        return read_context(text, "auto" if guessed else str(request.kind))
    except InputError as error:
        raise RequestError(error.what, status=422, where=error.where, hint=error.hint) from error


def _single(request: PruneRequest, make: Callable[[str], Context[str]], pruner: Pruner) -> Task[Outcome]:
    query, text = request.query, request.text or ""

    def finish(scored: Scored) -> Outcome:
        pruned = pruner.prune_scored(query, scored.context, scored.units, seconds=scored.seconds)
        plain = isinstance(scored.context, FallbackPassage)
        answered = request.model_copy(update={"kind": "text"}) if plain else request
        more = {"relevance": scored.documents.tolist(), "order": [0]}
        if request.kind in ("csv", "tsv") and all(len(grid.header) < _TABLE_WIDTH for grid in scored.context.grids):
            more["note"] = f"read as {request.kind}, the text has a single column"
        return _outcome(answered, pruned, more)

    return Task(query, lambda: make(text), finish)


def _outcome(request: PruneRequest, pruned: Pruned[Any], more: dict[str, Any]) -> Outcome:
    kind = str(request.kind)
    log_fields = {"kind": kind, "units": len(pruned.units), "tokens": pruned.tokens_before}
    found = {"kind": kind, "noun": KINDS[kind].units, "note": _note(request, pruned)}
    body = encode(pruned.to_dict() | found | more)
    return Outcome(body, "prune", (pruned.tokens_before, pruned.tokens_after), pruned.seconds, log_fields)


def _note(request: PruneRequest, pruned: Pruned[Any]) -> str:
    """What the reader should know; that a text is empty is no error, but nearly always a mistake."""
    if request.text is not None and not request.text.strip():
        return "the text is empty"
    return pruned.note


def _read_share(text: str) -> float | None:
    """The share that a percentage is, 0 to 1; None where it is none."""
    found = _PERCENT.fullmatch(text.strip())
    share = float(found.group(1)) / 100 if found else 2.0
    return share if share <= 1 else None


def _policy(request: PruneRequest, *, table: bool = False) -> Policy:
    limits = {"budget": request.budget, "top_k": request.top_k, "threshold": request.threshold}
    given = [name for name, value in limits.items() if value is not None]
    if len(given) > 1:
        raise RequestError(f"{' and '.join(given)} are given together", status=422, hint="give one of them")
    if isinstance(request.budget, int):
        return TableBudget(request.budget) if table else TokenBudget(request.budget)
    if request.budget is not None:
        return BudgetShare(_read_share(request.budget) or 0.0, TableBudget(0) if table else TokenBudget(0))
    if request.top_k is not None:
        return TopK(request.top_k)
    return Adaptive() if request.threshold is None else Threshold(request.threshold)
