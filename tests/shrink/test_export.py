"""ONNX of shrunk encoders: the same outputs, whatever was removed; int8 near them; refusals that say why."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
transformers = pytest.importorskip("transformers", reason="the train extra is not installed")
onnx = pytest.importorskip("onnx", reason="the train extra is not installed")

from shrink import folders, models  # noqa: E402

from ctxprune.errors import FormatError, InputError, UsageError  # noqa: E402
from ctxprune.shrink.io import export  # noqa: E402
from ctxprune.shrink.io.export import FLOAT, INT8, export_onnx  # noqa: E402
from ctxprune.shrink.io.loading import load_model  # noqa: E402
from ctxprune.shrink.model.families import family_of  # noqa: E402
from ctxprune.shrink.model.families.base import replace_module  # noqa: E402
from ctxprune.shrink.model.modules import Factorised  # noqa: E402
from ctxprune.shrink.model.shared import SharedLinear  # noqa: E402
from ctxprune.shrink.model.subject import Subject  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402
from ctxprune.shrink.recover.cut_vocabulary import CutVocabulary  # noqa: E402
from ctxprune.shrink.run.preparation import prepare  # noqa: E402

CUTS = {
    "nothing": {},
    "uneven": {("neuron", 0): 20, ("neuron", 2): 30, ("head", 1): 2, ("dimension", 0): 5},
    "parts and a layer": {("head", 0): 0, ("neuron", 3): 0, ("layer", -1): 3},
    "width": {("width", -1): 27},
}


def smaller(loaded, wanted: dict):
    groups = family_of(loaded.model).describe(loaded.model).groups
    return loaded.with_model(
        remove(loaded.model, {key: torch.arange(groups[key].count) < count for key, count in wanted.items()})
    )


def held_out(loaded, folder: Path):
    return prepare(loaded, folders.pairs(folder / "pairs.jsonl")).held_out


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("kind", ["reranker", "embedder"])
def test_the_graph_is_the_model(kind: str, cut: str, tmp_path: Path):
    loaded = load_model(getattr(folders, kind)(tmp_path / "big"))
    report = export_onnx(smaller(loaded, CUTS[cut]), tmp_path / "onnx", held_out(loaded, tmp_path))
    assert report[FLOAT]["largest"] < 1e-5
    assert report[FLOAT]["rank_correlation"] > 0.999
    assert 0 < report[INT8]["largest"] < 0.2
    assert report[INT8]["mean"] < report[INT8]["largest"]
    assert report[FLOAT]["bytes"] == (tmp_path / "onnx" / FLOAT).stat().st_size
    assert (tmp_path / "onnx" / "tokenizer.json").is_file()
    graph = onnx.load(tmp_path / "onnx" / FLOAT)
    assert graph.graph.name == kind
    assert [entry.domain for entry in graph.opset_import] == [""]


def test_factors_and_words_that_share_a_row_are_written_as_they_are(tmp_path: Path):
    loaded = load_model(folders.reranker(tmp_path / "big"))
    batches = held_out(loaded, tmp_path)
    whole = export_onnx(loaded, tmp_path / "whole", batches)
    subject = CutVocabulary(least=3)(Subject(loaded.model, loaded.task, batches))
    replace_module(subject.model, "bert.encoder.layer.1.attention.self.query", Factorised(32, 3, 32))
    report = export_onnx(loaded.with_model(subject.model), tmp_path / "onnx", batches)
    assert report[FLOAT]["largest"] < 1e-5
    assert report[FLOAT]["bytes"] < whole[FLOAT]["bytes"]


def test_layers_that_share_weights_get_their_own(tmp_path: Path):
    loaded = load_model(folders.reranker(tmp_path / "big"))
    layers = loaded.model.bert.encoder.layer
    for part, name in ((layers[2].output, "dense"), (layers[2].attention.self, "key")):
        owner = layers[0].output.dense if name == "dense" else layers[0].attention.self.key
        setattr(part, name, SharedLinear(owner, getattr(part, name), 2))
    report = export_onnx(loaded, tmp_path / "onnx", held_out(loaded, tmp_path))
    assert report[FLOAT]["largest"] < 1e-5


@pytest.mark.parametrize("kind", ["RobertaForSequenceClassification", "XLMRobertaForSequenceClassification"])
@pytest.mark.parametrize("act", ["gelu", "relu"])
def test_the_family_of_roberta(kind: str, act: str, tmp_path: Path):
    torch.manual_seed(0)
    known = getattr(transformers, kind)
    config = known.config_class(
        vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
        max_position_embeddings=40, num_labels=1, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2,
        hidden_act=act,
    )  # fmt: skip
    loaded = load_model(folders.write(tmp_path / "big", models.spread(known(config))))
    report = export_onnx(smaller(loaded, {("head", 0): 2}), tmp_path / "onnx", held_out(loaded, tmp_path))
    assert report[FLOAT]["largest"] < 1e-4


def test_the_cross_encoder_scorer_reads_it(tmp_path: Path):
    from ctxprune.scorers.neural.cross_encoder import load_cross_encoder

    loaded = load_model(folders.reranker(tmp_path / "big"))
    export_onnx(loaded, tmp_path / "onnx", held_out(loaded, tmp_path))
    pairs = [("the bridge", "opened in winter"), ("a cat", "the old river " * 30), ("when did it", "it opened")]
    encoded = loaded.form.pairs(pairs, loaded.form.limit)
    rows = [{"input_ids": torch.tensor([row.ids]), "token_type_ids": torch.tensor([row.types])} for row in encoded]
    with torch.no_grad():
        wanted = [torch.sigmoid(loaded.model(**row).logits) for row in rows]
    found = load_cross_encoder(tmp_path / "onnx" / FLOAT)(pairs)
    assert found == pytest.approx(torch.cat(wanted)[:, 0].numpy(), abs=1e-5)
    assert load_cross_encoder(tmp_path / "onnx" / INT8)(pairs) == pytest.approx(found, abs=0.1)
    alone = [load_cross_encoder(tmp_path / "onnx" / INT8)([pair])[0] for pair in pairs]
    assert load_cross_encoder(tmp_path / "onnx" / INT8)(pairs).tolist() == alone


def test_a_graph_that_differs_from_the_model_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    loaded = load_model(folders.reranker(tmp_path / "big"))
    monkeypatch.setattr(export, "_bias", lambda graph: graph.constant("bias", [0.0]))  # padding is attended to
    batch = models.batches(1)[0]
    with pytest.raises(FormatError, match="the graph differs from the model"):
        export_onnx(loaded, tmp_path / "onnx", [batch])
    assert not list((tmp_path / "onnx").iterdir())


def test_what_is_not_exported(tmp_path: Path):
    decoder = load_model(folders.decoder(tmp_path / "decoder"))
    with pytest.raises(UsageError, match="a decoder of the family llama is not exported"):
        export_onnx(decoder, tmp_path / "onnx", models.batches(1))
    loaded = load_model(folders.reranker(tmp_path / "big"))
    loaded.model.config.hidden_act = "gelu_pytorch_tanh"
    with pytest.raises(UsageError, match="gelu_pytorch_tanh"):
        export_onnx(loaded, tmp_path / "onnx", models.batches(1))
    with pytest.raises(InputError, match="nothing to compare"):
        export_onnx(loaded, tmp_path / "onnx", [])


def test_a_full_disk(tmp_path: Path):
    loaded = load_model(folders.reranker(tmp_path / "big"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(InputError, match="cannot be written"):
            export_onnx(loaded, tmp_path / "onnx", models.batches(1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
