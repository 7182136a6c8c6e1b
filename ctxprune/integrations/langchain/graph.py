"""Graph documents of LangChain, pruned to what a question needs."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import RunnableLambda

from ctxprune.errors import UsageError
from ctxprune.integrations.langchain.callbacks import report_steps
from ctxprune.policies import TokenBudget
from ctxprune.pruning.pruner import Pruner
from ctxprune.rag.graph import TripleOptions, Triples
from ctxprune.rag.graph.readers.graph_documents import document_nodes, is_graph_document, node_key
from ctxprune.utils.foreign import optional_member

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

    from ctxprune.pruning.pruner import OnEmpty
    from ctxprune.pruning.result import Pruned

__all__ = ["GraphDocumentPruner"]


@dataclass(frozen=True)
class GraphDocumentPruner:
    """Keeps of graph documents the relationships, and the properties of nodes, that a question needs.

    One budget holds for all documents; tokens are those of the kept edges as text (`ctxprune.rag.graph.Triples`).
    Results are copies of the documents, with the same `source`; those that lost everything are left out. A node stays
    with a relationship or property of its own that is kept, and as the end of a kept relationship. Relationships lead
    to the pruned nodes, so that a document holds no property that was dropped. Documents that came in are not changed.
    Any object with `nodes` and `relationships` is a graph document.

    Attributes:
        budget: Tokens that the kept edges may take; shorthand for policy=TokenBudget(budget).
        scorer: A scorer or its registered name; by default the one for graphs.
        policy: A policy or its registered name; None for the budget, and without one for "adaptive.v1".
        counter: Counts tokens, see `ctxprune.as_counter`; None for the bundled tokenizer.
        on_empty: What is kept where nothing is chosen: "keep_best", "keep_all" or "drop".
        options: How edges are written as text.

    Raises:
        UsageError: Both a budget and a policy, or as `Pruner`.
        UnknownNameError: No scorer or policy has that name.
    """

    budget: int | None = None
    scorer: Any = "triples.v1"
    policy: Any = None
    counter: Any = None
    on_empty: OnEmpty = "keep_best"
    options: TripleOptions = field(default_factory=TripleOptions)
    _pruner: Pruner = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.budget is not None and self.policy is not None:
            raise UsageError("both budget and policy are given", hint="give policy=TokenBudget(...) alone")
        policy = TokenBudget(self.budget) if self.budget is not None else self.policy or "adaptive.v1"
        object.__setattr__(self, "_pruner", Pruner(self.scorer, policy, self.counter, self.on_empty))

    def prune_documents(self, documents: Sequence[Any], query: str) -> list[Any]:
        """What the documents keep for the query, in their order; [] for [].

        Raises:
            UsageError: The query is empty, or something is no graph document.
            BudgetError: The budget does not hold even the best edge.
        """
        given = _check_documents(documents)
        if not given:
            return []
        triples = Triples(given, self.options)
        return _take(given, triples, self._pruner.prune(query, triples))

    async def aprune_documents(self, documents: Sequence[Any], query: str) -> list[Any]:
        """As `prune_documents`, off the event loop's thread."""
        given = _check_documents(documents)
        if not given:
            return []
        triples = Triples(given, self.options)
        return _take(given, triples, await self._pruner.aprune(query, triples))

    def to_text(self, documents: Sequence[Any], query: str) -> str:
        """The kept edges as text for a prompt; "" for []. Raises as `prune_documents`."""
        given = _check_documents(documents)
        return self._pruner.prune(query, Triples(given, self.options)).output if given else ""

    def as_runnable(self) -> Runnable[dict[str, Any], list[Any]]:
        """A runnable from `{"query": ..., "documents": [...]}` to the pruned documents, for chains."""

        def run(inputs: dict[str, Any]) -> list[Any]:
            return self.prune_documents(*_read_inputs(inputs))

        async def arun(inputs: dict[str, Any]) -> list[Any]:
            return await self.aprune_documents(*_read_inputs(inputs))

        return RunnableLambda(report_steps(run), afunc=report_steps(arun), name=type(self).__name__)


def _read_inputs(inputs: Any) -> tuple[Sequence[Any], str]:
    if not isinstance(inputs, dict) or not {"query", "documents"} <= set(inputs):
        has = sorted(map(str, inputs)) if isinstance(inputs, dict) else type(inputs).__name__
        raise UsageError(f"the input has {has}", hint="give a dict with query and documents")
    return inputs["documents"], inputs["query"]


def _check_documents(documents: Any) -> list[Any]:
    if is_graph_document(documents):
        return [documents]
    if isinstance(documents, str) or not isinstance(documents, Sequence):
        raise UsageError(f"documents is a {type(documents).__name__}", hint="give a list of graph documents")
    for document in documents:
        if not is_graph_document(document):
            raise UsageError(f"a {type(document).__name__} is no graph document", hint="it needs nodes, relationships")
    return list(documents)


def _take(documents: list[Any], triples: Triples, pruned: Pruned[str]) -> list[Any]:
    """The documents with what was kept of each."""
    kept = triples.kept_triples(unit.index for unit in pruned.kept)
    relationships = {id(one.origin) for one in kept}
    # A property is an edge of its node: by node the names of the kept ones.
    names: dict[int, set[str]] = {}
    for one in kept:
        names.setdefault(id(one.origin), set()).add(one.relation)
    alone = {triples.names[unit.index] for unit in pruned.kept if triples.units[unit.index].parent is None}
    linked = {name for one in kept for name in (one.head, one.tail)}
    found = []
    for document in documents:
        left = [one for one in document.relationships if id(one) in relationships]
        ends = {node_key(end) for one in left for end in (one.source, one.target)}
        nodes = [
            node
            for node in document.nodes
            if id(node) in names or node_key(node) in ends or (str(node.id) in alone and str(node.id) not in linked)
        ]
        if nodes or left:
            taken = _take_ends(document, names, [*nodes, *(end for one in left for end in (one.source, one.target))])
            left = [_replace(one, source=taken[id(one.source)], target=taken[id(one.target)]) for one in left]
            found.append(_replace(document, nodes=[taken[id(node)] for node in nodes], relationships=left))
    return found


def _take_ends(document: Any, names: dict[int, set[str]], nodes: list[Any]) -> dict[int, Any]:
    """By the id of each node what is left of it."""
    # An end is often another object than the node of its key: it has the properties that are kept of either.
    by_key: dict[tuple[str, str], set[str]] = {}
    for node in document_nodes(document):
        by_key.setdefault(node_key(node), set()).update(names.get(id(node), ()))
    return {id(node): _take_node(node, by_key[node_key(node)]) for node in nodes}


def _take_node(node: Any, names: set[str]) -> Any:
    properties = dict(optional_member(node, "properties") or {})
    left = {key: value for key, value in properties.items() if str(key) in names}
    return node if left == properties else _replace(node, properties=left)


def _replace(value: Any, **members: Any) -> Any:
    """A copy with other members; the object itself where they are the same ones."""
    if all(getattr(value, name) is member for name, member in members.items()):
        return value
    copied = copy(value)
    for name, member in members.items():
        # Past the class's own `__setattr__`, which frozen dataclasses and models of pydantic refuse. The copy is ours.
        object.__setattr__(copied, name, member)
    return copied
