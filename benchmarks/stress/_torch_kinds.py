"""Kinds of file of the train extra, for bit_flips.py: caches, gates, shrunk models, checkpoints, and their logs."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from benchmarks.stress.bit_flips import KINDS, Specimen, kind

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))  # the servers and generators of the tests

from kv.models import decoder, tokens
from shrink import folders

__all__ = ["KINDS"]


def _tensors(found: dict[str, Any]) -> dict[str, Any]:
    return {name: (str(each.dtype), tuple(each.shape), each.float().numpy().tobytes()) for name, each in found.items()}


@kind("KV cache")
def cache(folder: Path) -> Specimen:
    from ctxprune.kv import Knorm, PrunedCache, compress

    model, path = decoder("llama"), folder / "cache.safetensors"
    compress(model, tokens(60), Knorm(0.5)).save(path)

    def ask() -> Any:
        found = PrunedCache.load(path, model)
        return found.press, [(layer.pressed, _tensors(layer.tensors())) for layer in found.layers]

    return Specimen([path], ask)


@kind("KV gates")
def gates(folder: Path) -> Specimen:
    from ctxprune.kv import Gates

    model, path = decoder("llama"), folder / "gates.safetensors"
    Gates.of(model, width=8, bias=1.5, seed=5).save(path, model, strength=0.1)
    return Specimen([path], lambda: _tensors(Gates.load(path, model).state_dict()))


@kind("KV filters")
def filters(folder: Path) -> Specimen:
    from ctxprune.kv.model.files import model_fingerprint
    from ctxprune.kv.presses.qfilter import QFilters

    model, path = decoder("llama"), folder / "filters.safetensors"
    config = model.config
    width = config.hidden_size // config.num_attention_heads
    shape = (config.num_hidden_layers, config.num_key_value_heads, width)
    QFilters(torch.randn(shape, generator=torch.Generator().manual_seed(1)), model_fingerprint(model)).save(path)
    return Specimen([path], lambda: QFilters.load(path, model).directions.numpy().tobytes())


@kind("KV log")
def kv_log(folder: Path) -> Specimen:
    """A step whose line is damaged is done again, which gives the same rows."""
    from ctxprune.kv.evaluation.run import StepLog

    path, model = folder / "steps.jsonl", decoder("llama")
    asked: Any = SimpleNamespace(to_dict=lambda: {"seed": 1})
    rows = {f"step {k}": [[k, k / 7, "knorm"]] for k in range(20)}
    steps = StepLog(path, asked, model)
    for name, found in rows.items():
        steps.step(name, lambda found=found: found)
    whole = path.read_bytes()

    def ask() -> Any:
        try:
            again = StepLog(path, asked, model)
            return {name: again.step(name, lambda found=found: found) for name, found in rows.items()}
        finally:
            path.write_bytes(whole)

    return Specimen([path], ask)


@kind("shrunk model")
def shrunk(folder: Path) -> Specimen:
    from ctxprune.shrink.io.loading import load_model
    from ctxprune.shrink.io.saving import save_model

    loaded = load_model(folders.reranker(folder / "big"))
    save_model(loaded, folder / "small", report={"milliseconds": 3.5})
    files = sorted(path for path in (folder / "small").rglob("*") if path.is_file() and path.suffix != ".md")

    def ask() -> Any:
        found = load_model(folder / "small")
        ids = found.form.tokenizer.encode("which harbours are large").ids
        return found.kind, ids, _tensors(found.model.state_dict())

    return Specimen(files, ask)


@kind("shrunk deltas")
def deltas(folder: Path) -> Specimen:
    from ctxprune.shrink.io.deltas import pack, unpack

    base, tuned, path = decoder("llama"), decoder("llama"), folder / "deltas.safetensors"
    with torch.no_grad():
        for number, weight in enumerate(tuned.parameters()):
            weight.view(-1)[number % 7 :: 50] += 0.25
    pack(tuned, base, path)
    return Specimen([path], lambda: _tensors(unpack(path, base).state_dict()))


@kind("shrink log")
def search_log(folder: Path) -> Specimen:
    from ctxprune.shrink.run.records import TrialFigures, TrialLog, TrialRecord

    plan = {"recipes": ["flap.v1"], "steps": 2}
    log = TrialLog(folder / "trials", plan, resume=False)
    for number in range(12):
        sizes = {"bytes": 4.0, "flops": 3.0, "parameters": 2.0, "weights": 1.0}
        log.add(TrialRecord(f"r{number}", 0, 2, 1.0, TrialFigures(number / 7, 0.5, 0.0, sizes)))
    path = folder / "trials" / "trials.jsonl"
    return Specimen([path], lambda: TrialLog(folder / "trials", plan, resume=True).records)


@kind("training checkpoint")
def checkpoint(folder: Path) -> Specimen:
    from ctxprune.storage.sealed import seal_file
    from ctxprune.train.training import _read

    path = folder / "checkpoint.pt"
    weights = torch.randn(500, generator=torch.Generator().manual_seed(1))
    state = {"fingerprint": "ab", "recipe": "{}", "shape": [1, 2], "network": {"w": weights}, "optimizer": {}}
    torch.save(state | {"step": 7, "done": 70, "seconds": 2.5}, path)
    seal_file(path)

    def ask() -> Any:
        found = _read(path)
        return {key: value for key, value in found.items() if key != "network"}, _tensors(found["network"])

    return Specimen([path], ask)


@kind("taught windows")
def taught(folder: Path) -> Specimen:
    from dataclasses import fields

    from ctxprune.train import teacher_targets as module

    arrays = {name: np.arange(30).astype(dtype) for name, dtype in module._TYPES.items()}
    path = folder / "part.npz"
    module.TeacherTargets(**arrays).save(path)

    def ask() -> Any:
        found = module.TeacherTargets.load(path)
        return [getattr(found, entry.name).tobytes() for entry in fields(found)]

    return Specimen([path], ask)
