"""ONNX of shrunk encoders, whatever the sizes of their layers: float32, and int8 by output channel.

The graph is written node by node from the weights: torch's own exporter wants packages that the train extra does not
have, and fixes sizes that differ by layer in ways that onnxruntime does not fuse.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto
from tokenizers import Tokenizer
from torch import nn

from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.shrink.io.loaded import Loaded
from ctxprune.shrink.io.onnx_graph import OnnxGraph
from ctxprune.shrink.io.staging import stage_files
from ctxprune.shrink.model.families import family_of
from ctxprune.shrink.model.families.base import find_module
from ctxprune.shrink.model.shared import shared_weights
from ctxprune.shrink.model.subject import config_value
from ctxprune.shrink.model.tasks.base import Batch, inputs_of
from ctxprune.train.export import save
from ctxprune.utils.extras import require

FLOAT, INT8, TOKENIZER = "model.onnx", "model_int8.onnx", "tokenizer.json"
_ACTIVATIONS = ("gelu", "relu", "silu", "tanh")
_TOLERANCE = 1e-4  # of the range of the outputs


def export_onnx(loaded: Loaded, folder: str | Path, batches: Sequence[Batch]) -> dict[str, Any]:
    """Write `model.onnx`, `model_int8.onnx` and `tokenizer.json`, and compare both graphs with the model.

    The files come into the folder once the graphs have been compared; one that failed leaves it as it was.

    A graph takes `input_ids`, `attention_mask` and, where the model has segments, `token_type_ids`. Of a reranker it
    gives `logits` (rows, labels), of an embedder `last_hidden_state` (rows, tokens, width).

    Args:
        loaded: A reranker or embedder of BERT's family.
        folder: Made if it is not there.
        batches: What the graphs are compared on; one at least.

    Returns:
        By file its bytes, and how it differs from the model on these batches: largest and mean difference of the
        outputs as shares of their range, and the rank correlation of the scores.

    Raises:
        UsageError: The model is of a kind that is not exported here; the message says why.
        FormatError: The float32 graph differs from the model by more than 1e-4 of the outputs' range.
        InputError: The folder cannot be written, or there are no batches.
        MissingExtraError: onnxruntime is not installed.
    """
    require("onnxruntime", "train")
    if not batches:
        raise InputError("there is nothing to compare the export on", hint="give a batch at least")
    check_exportable(loaded)
    place = Path(folder)
    wanted = [_output(loaded, batch) for batch in batches]
    with stage_files(place, loaded.model) as part:
        tokenizer = Tokenizer.from_str(loaded.form.tokenizer.to_str())
        tokenizer.enable_truncation(loaded.form.limit, strategy="longest_first")
        tokenizer.no_padding()
        (part / TOKENIZER).write_text(tokenizer.to_str(pretty=True), encoding="utf-8")
        write_float(loaded, part / FLOAT)
        write_int8(part / FLOAT, part / INT8)
        # compared before the files are moved, so that a wrong graph never stands in the folder
        report = {name: compare_graph(part / name, batches, wanted) for name in (FLOAT, INT8)}
        if report[FLOAT]["largest"] > _TOLERANCE:
            what = f"the graph differs from the model by {report[FLOAT]['largest']:.2g}"
            raise FormatError(what, where=str(place / FLOAT))
    return report


def write_float(loaded: Loaded, path: Path) -> None:
    """Write the model as a float32 graph; arguments and errors as `export_onnx`.

    Layers that share weights get their own in the graph: it runs as fast, and takes the room of a whole model.
    """
    model: Any = loaded.model
    anatomy = family_of(model).describe(model)
    weights = {name: value.detach() for name, value in model.state_dict().items()}
    weights |= {f"{path}.weight": model.get_submodule(path).whole() for path, *_ in shared_weights(model)}
    graph = OnnxGraph({name: value.float().numpy() for name, value in weights.items()})
    inputs = ["input_ids", "attention_mask", *(["token_type_ids"] if loaded.form.segments else [])]
    prefix = anatomy.embeddings.removesuffix("embeddings.word_embeddings")
    states = _embedded(graph, prefix, model.config, segments=loaded.form.segments)
    bias = _bias(graph)
    for layer in anatomy.layers:
        states = _layer(graph, model, states, bias, layer.path)
    if loaded.kind == "embedder":
        graph.add("Identity", states, name="last_hidden_state")
        output = ("last_hidden_state", ["rows", "tokens", anatomy.width])
    else:
        _head(graph, model, states, prefix)
        output = ("logits", ["rows", model.config.num_labels])
    save(graph, inputs, [output], path, axes=["rows", "tokens"], name=loaded.kind)


def write_int8(source: Path, path: Path) -> None:
    """Write a float32 graph with int8 weights: matrices by output channel, embeddings by table."""
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata

    model = onnx.load(str(source))
    add_pre_process_metadata(model)  # it needs none, and without the tag a warning goes to the root logger
    quantize_dynamic(
        model,
        str(path),
        per_channel=True,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["MatMul", "Gather"],
        extra_options={"MatMulConstBOnly": True},
    )


def compare_graph(path: Path, batches: Sequence[Batch], wanted: Sequence[NDArray[Any]]) -> dict[str, float]:
    """Bytes of a graph, and its differences from the wanted outputs as `export_onnx` reports them."""
    runtime = require("onnxruntime", "train")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]
    found = []
    for batch in batches:
        given = inputs_of(batch)
        zeros = torch.zeros_like(given["input_ids"])
        output = session.run(None, {name: given.get(name, zeros).numpy() for name in names})[0]
        if output.ndim == 3:
            output = output[given["attention_mask"].numpy().astype(bool)]
        found.append(output.reshape(-1))
    return output_differences(np.concatenate(found), np.concatenate([entry.reshape(-1) for entry in wanted]), path)


def output_differences(ours: NDArray[Any], theirs: NDArray[Any], path: Path) -> dict[str, float]:
    """Bytes of a graph's file, and how its outputs (n,) differ from a model's, as `export_onnx` reports it."""
    ours, theirs = ours.astype(np.float64), theirs.astype(np.float64)
    # relative to the range: logits of rerankers differ in size by model
    away = np.abs(ours - theirs) / max(float(np.ptp(theirs)), 1e-12)
    return {
        "bytes": path.stat().st_size,
        "largest": float(away.max()),
        "mean": float(away.mean()),
        "rank_correlation": _ranks_agree(ours, theirs),
    }


def check_exportable(loaded: Loaded) -> None:
    """Refuse what `export_onnx` cannot write."""
    model: Any = loaded.model
    family = family_of(model).name
    if family != "bert" or loaded.kind not in ("embedder", "reranker"):
        hint = "rerankers and embedders of BERT's"
        raise UsageError(f"a {loaded.kind} of the family {family} is not exported", hint=hint)
    act = config_value(model, "hidden_act", "gelu")
    if act not in _ACTIVATIONS:
        raise UsageError(f"the activation {act!r} is not exported", hint=f"known are {', '.join(_ACTIVATIONS)}")
    relative = config_value(model, "position_embedding_type", "absolute") not in ("absolute", None)
    if relative or config_value(model, "relative_attention", default=False):
        raise UsageError("relative positions are not exported")
    if find_module(model, "embeddings_project") is not None or find_module(model, "electra") is not None:
        raise UsageError("ELECTRA's head and projection are not exported")


def _embedded(graph: OnnxGraph, prefix: str, config: Any, *, segments: bool) -> str:
    def table(name: str) -> Any:
        return graph.weights[f"{prefix}embeddings.{name}.weight"]

    ids, rows = "input_ids", graph.weights.get(f"{prefix}embeddings.word_embeddings.rows")
    if rows is not None:  # entries that share a row
        ids = graph.add("Gather", graph.constant("words.map", rows, kind=np.int64), ids, name="words.mapped")
    words = graph.add("Gather", graph.constant("words", table("word_embeddings")), ids, name="words.rows")
    size = graph.add("Shape", "input_ids", name="size", start=1, end=2)
    # RoBERTa counts positions from behind the id of padding
    first = int(config.pad_token_id) + 1 if config.model_type in ("roberta", "xlm-roberta", "camembert") else 0
    every = graph.constant("places", table("position_embeddings")[first:])
    places = graph.add("Slice", every, graph.constant("zero", [0], kind=np.int64), size, name="places.rows")
    total = graph.add("Add", words, places, name="placed")
    types = table("token_type_embeddings")
    if segments:
        rows = graph.add("Gather", graph.constant("types", types), "token_type_ids", name="types.rows")
    else:
        rows = graph.constant("types.first", types[0])
    return graph.layer_norm(
        graph.add("Add", total, rows, name="embedded"), f"{prefix}embeddings.LayerNorm", config.layer_norm_eps
    )


def _bias(graph: OnnxGraph) -> str:
    """-10000 for padding, shaped to be added to attention weights."""
    mask = graph.add("Cast", "attention_mask", name="mask.float", to=TensorProto.FLOAT)
    away = graph.add("Sub", graph.constant("mask.one", [1.0]), mask, name="mask.away")
    scaled = graph.add("Mul", away, graph.constant("mask.far", [-1e4]), name="mask.scaled")
    return graph.add("Unsqueeze", scaled, graph.constant("mask.axes", [1, 2], kind=np.int64), name="mask.bias")


def _layer(graph: OnnxGraph, model: nn.Module, states: str, bias: str, path: str) -> str:
    """Attention and feed-forward part, each with its norm; a part that was removed is its norm alone."""
    layer: Any = model.get_submodule(path)
    config: Any = model.config
    output = f"{path}.attention.output"
    if find_module(layer, "attention.self") is not None:
        mixed = _attention(graph, layer.attention.self, states, bias, f"{path}.attention.self")
        added = graph.dense(mixed, f"{output}.dense")
        states = graph.add("Add", states, added, name=f"{output}.whole")
    states = graph.layer_norm(states, f"{output}.LayerNorm", config.layer_norm_eps)
    if find_module(layer, "intermediate.dense") is not None:
        inner = graph.dense(states, f"{path}.intermediate.dense")
        outer = graph.dense(graph.active(inner, f"{path}.inner", config.hidden_act), f"{path}.output.dense")
        states = graph.add("Add", states, outer, name=f"{path}.output.whole")
    return graph.layer_norm(states, f"{path}.output.LayerNorm", config.layer_norm_eps)


def _attention(graph: OnnxGraph, own: Any, states: str, bias: str, path: str) -> str:
    size = own.attention_head_size
    heads = own.query.weight.shape[0] // size
    split = graph.constant(f"{path}.split", [0, 0, heads, size], kind=np.int64)
    parts = []
    for part in ("query", "key", "value"):
        # the scale of attention is put into the query's weights, one product less; it stays where heads are narrowed
        flat = graph.dense(states, f"{path}.{part}", scale=own.scaling if part == "query" else 1.0)
        cut = graph.add("Reshape", flat, split, name=f"{path}.{part}.heads")
        order = [0, 2, 3, 1] if part == "key" else [0, 2, 1, 3]
        parts.append(graph.add("Transpose", cut, name=f"{path}.{part}.turned", perm=order))
    raw = graph.add("MatMul", parts[0], parts[1], name=f"{path}.raw")
    soft = graph.add("Softmax", graph.add("Add", raw, bias, name=f"{path}.masked"), name=f"{path}.soft", axis=-1)
    mixed = graph.add("MatMul", soft, parts[2], name=f"{path}.mix")
    turned = graph.add("Transpose", mixed, name=f"{path}.mixed", perm=[0, 2, 1, 3])
    return graph.add(
        "Reshape", turned, graph.constant(f"{path}.join", [0, 0, heads * size], kind=np.int64), name=f"{path}.joined"
    )


def _head(graph: OnnxGraph, model: nn.Module, states: str, prefix: str) -> None:
    """The first token through pooler or dense layer, and the classifier."""
    first = graph.add("Gather", states, graph.constant("head.zero", 0, kind=np.int64), name="head.first", axis=1)
    for dense, output in ((f"{prefix}pooler.dense", "classifier"), ("classifier.dense", "classifier.out_proj")):
        if f"{dense}.weight" in graph.weights and f"{output}.weight" in graph.weights:
            pooled = graph.active(graph.dense(first, dense), "pooled", "tanh")
            graph.add("Identity", graph.dense(pooled, output), name="logits")
            return
    raise UsageError(f"the head of {type(model).__name__} is not exported", hint="known are those of BERT and RoBERTa")


def _output(loaded: Loaded, batch: Batch) -> NDArray[Any]:
    with torch.no_grad():
        if loaded.kind == "reranker":
            return loaded.task.output(loaded.model, batch).double().numpy()
        states = loaded.model(**inputs_of(batch)).last_hidden_state.double().numpy()
    return states[batch["attention_mask"].numpy().astype(bool)]


def _ranks_agree(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Spearman's coefficient, -1..1."""
    ranks = [entry.argsort(kind="stable").argsort(kind="stable").astype(np.float64) for entry in (one, other)]
    centred = [entry - entry.mean() for entry in ranks]
    size = float(np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum()))
    return float((centred[0] * centred[1]).sum() / size) if size else 1.0
