"""Old module paths: imported with a DeprecationWarning for one version, then removed."""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

__all__ = ["MOVED", "install"]

MOVED = {
    "calibrate": "calibration.conformal",
    "closure": "context.closure",
    "context_budget": "pruning.context_budget",
    "fingerprint": "utils.fingerprint",
    "grid": "context.grid",
    "integrations.chat_models": "llm.chat_models",
    "joined": "context.joined",
    "keepsets": "calibration.keep_sets",
    "kv.agreements": "kv.evaluation.agreements",
    "kv.attention": "kv.model.attention",
    "kv.backends": "kv.cache.backends",
    "kv.checks": "kv.model.inputs",
    "kv.finish": "kv.cache.positions",
    "kv.groups": "kv.cache.groups",
    "kv.hooks": "kv.model.hooks",
    "kv.layer": "kv.cache.layer",
    "kv.loading": "kv.model.loading",
    "kv.masks": "kv.cache.masks",
    "kv.model_files": "kv.model.files",
    "kv.names": "kv.presses.registry",
    "kv.prefilled": "kv.reading.prefilled",
    "kv.press": "kv.presses.base",
    "kv.quantise": "kv.cache.quantise",
    "kv.rotary": "kv.model.rotary",
    "kv.saving": "kv.cache.saving",
    "kv.session": "kv.reading.session",
    "kv.store": "kv.cache.store",
    "kv.view": "kv.reading.view",
    "measures": "calibration.measures",
    "models.installed": "cli._model_folders",
    "network": "models.network",
    "rag.addressed": "rag.passages.addressed",
    "rag.distinct": "rag.policies.distinct",
    "rag.documents": "rag.policies.documents",
    "rag.extract.memory": "rag.memory.memory",
    "rag.extract.memory_account": "rag.memory.account",
    "rag.extract.memory_apply": "rag.memory.apply",
    "rag.extract.memory_chat": "rag.memory.chat",
    "rag.extract.memory_context": "rag.memory.context",
    "rag.extract.memory_entries": "rag.memory.entries",
    "rag.extract.memory_lines": "rag.memory.lines",
    "rag.extract.memory_novelty": "rag.memory.novelty",
    "rag.extract.memory_schema": "rag.memory.schema",
    "rag.extract.memory_store": "rag.memory.store",
    "rag.extract.memory_writers": "rag.memory.writer",
    "rag.fence": "rag.passages.fence",
    "rag.neighbours": "rag.policies.neighbours",
    "rag.options": "rag.passages.options",
    "rag.tables.header": "rag.headers",
    "result": "pruning.result",
    "scales": "calibration.scales",
    "scorers.cascade": "scorers.combined.cascade",
    "scorers.chargram": "scorers.lexical.chargram",
    "scorers.cross_encoder": "scorers.neural.cross_encoder",
    "scorers.embedders": "scorers.neural.embedders",
    "scorers.embedding": "scorers.neural.embedding",
    "scorers.fusion": "scorers.combined.fusion",
    "scorers.log": "scorers.structured.log",
    "scorers.names": "scorers.structured.names",
    "scorers.onnx_cross_encoder": "scorers.neural.onnx_cross_encoder",
    "scorers.page": "scorers.structured.page",
    "scorers.provence": "scorers.neural.provence",
    "scorers.pruner": "scorers.neural.pruner",
    "scorers.tabular": "scorers.structured.tabular",
    "scorers.tabular_pruner": "scorers.combined.tabular_pruner",
    "scorers.titled": "scorers.lexical.titled",
    "shrink.activations": "shrink.measure.activations",
    "shrink.adapters": "shrink.learning.adapters",
    "shrink.anatomy": "shrink.model.anatomy",
    "shrink.beside": "shrink.run.trial",
    "shrink.checks": "shrink.model.checks",
    "shrink.cost": "shrink.model.cost",
    "shrink.coupled": "shrink.model.coupled",
    "shrink.deltas": "shrink.io.deltas",
    "shrink.depth": "shrink.measure.depth",
    "shrink.experts": "shrink.measure.experts",
    "shrink.export": "shrink.io.export",
    "shrink.export_pruner": "shrink.io.export_pruner",
    "shrink.gates": "shrink.measure.gates",
    "shrink.gradients": "shrink.measure.gradients",
    "shrink.hard_concrete": "shrink.recover.learn_gates",
    "shrink.job": "shrink.run.job",
    "shrink.learning.hard_concrete": "shrink.recover.learn_gates",
    "shrink.loading": "shrink.io.loading",
    "shrink.losses": "shrink.learning.losses",
    "shrink.model_card": "shrink.io.model_card",
    "shrink.norms": "shrink.model.norms",
    "shrink.onnx_graph": "shrink.io.onnx_graph",
    "shrink.packing": "shrink.io.packing",
    "shrink.parts": "shrink.model.modules",
    "shrink.prepared": "shrink.run.preparation",
    "shrink.recipe": "shrink.recipes.recipe",
    "shrink.reconstruction": "shrink.measure.reconstruction",
    "shrink.run.baselines": "shrink.run.trial",
    "shrink.run.device": "shrink.run.timing",
    "shrink.saved": "shrink.io.saving",
    "shrink.search": "shrink.run.search",
    "shrink.shared": "shrink.model.shared",
    "shrink.subject": "shrink.model.subject",
    "shrink.substituted": "shrink.measure.substituted",
    "shrink.surgery": "shrink.model.surgery",
    "shrink.targets": "shrink.run.targets",
    "shrink.timing": "shrink.run.timing",
    "shrink.trial": "shrink.run.trial",
    "shrink.vocabulary": "train.vocabulary",
    "sql.answer": "sql.pipeline.answer",
    "sql.conversation": "sql.pipeline.conversation",
    "sql.doubts": "sql.linking.doubts",
    "sql.execution": "sql.guard.execution",
    "sql.generate.cache": "llm.cache",
    "sql.generate.deadline": "llm.deadline",
    "sql.generate.duck": "llm.langchain",
    "sql.generate.flights": "llm.single_flight",
    "sql.generate.gate": "llm.rate_limit",
    "sql.generate.limited": "llm.limited",
    "sql.generate.model": "llm.base",
    "sql.generate.redis_cache": "llm.redis_cache",
    "sql.generate.retries": "llm.retries",
    "sql.generate.sketch.examples": "sql.evaluation.sketch_training.examples",
    "sql.generate.sketch.explain": "sql.generate.sketch.generator",
    "sql.generate.sketch.fit_about": "sql.evaluation.sketch_training.fit_about",
    "sql.generate.sketch.fitting": "sql.evaluation.sketch_training.fitting",
    "sql.generate.sketch.train": "sql.evaluation.sketch_training.train",
    "sql.generate.styles": "sql.generate.prompt_styles",
    "sql.generate.talk": "sql.generate.decompose",
    "sql.intent": "sql.guard.intent",
    "sql.knowledge.step": "sql.pipeline.steps.knowledge",
    "sql.knowledge.terms": "sql.knowledge.recall",
    "sql.limits": "sql.database.limits",
    "sql.linking.joins": "sql.schema.joins",
    "sql.repair.asking": "sql.repair.chat",
    "sql.repair.loose": "sql.repair.relax_text",
    "sql.result_set": "sql.database.result_set",
    "sql.schema.abbreviations": "text.abbreviations",
    "sql.schema_files": "sql.schema.files",
    "sql.select.finalists": "sql.select.base",
    "sql.select.gather": "sql.select.features",
    "sql.select.literals": "sql.select.wording",
    "sql.select.results": "sql.database.equality",
    "sql.trace": "sql.pipeline.trace",
    "table_policies": "policies.table_budget",
    "train.distil": "train.distillation",
    "train.distilled": "train.distil_pruner",
    "train.network": "train.pruner_network",
    "train.pruner": "train.train_pruner",
    "train.reading": "train.graph_reader",
    "train.rounding": "train.int4_embeddings",
    "train.sets": "train.sentence_sets",
    "train.taught": "train.teacher_targets",
    "weights": "models.weights",
}
"""New module by old one, both below `ctxprune`."""


class _MovedFinder:
    """Finds modules under the paths they had in version 0.1.

    A finder by its method alone: the base class would import `importlib.resources`, which costs more than this package.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        new = MOVED.get(fullname.removeprefix("ctxprune.")) if fullname.startswith("ctxprune.") else None
        if new is None:
            return None
        warnings.warn(
            f"{fullname} is now ctxprune.{new}; the old path will be removed in version 0.3",
            DeprecationWarning,
            stacklevel=2,
        )
        return ModuleSpec(fullname, _AliasLoader(f"ctxprune.{new}"))  # type: ignore[arg-type]  # a duck


class _AliasLoader:
    """Gives the module itself, not a copy, so that classes and registries exist once."""

    def __init__(self, name: str) -> None:
        self.name = name

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        del spec
        module = import_module(self.name)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec  # the import system has just replaced it by that of the old name


def install() -> None:
    """Let old paths be imported; last in line, so that no other import pays for it."""
    if not any(isinstance(finder, _MovedFinder) for finder in sys.meta_path):
        sys.meta_path.append(_MovedFinder())
