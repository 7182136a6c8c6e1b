"""Checkpoints in the layouts of Provence and OpenProvence: tiny random ones, made here where transformers is installed.

What is expected of a layout is worked out with transformers' own classes.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from ctxprune import Pruner
from ctxprune.errors import FormatError, InputError, MissingExtraError
from ctxprune.models.provence import ProvenceModel, TokenModel, _take_head, load_provence
from ctxprune.models.windows import Window
from ctxprune.rag import Passage, PassagePruner, Passages
from ctxprune.scorers import score_batch
from ctxprune.scorers.neural.provence import ProvenceScorer

TEXT = "The lighthouse is red. Gulls nest on the roof. The lamp was lit in 1871."
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *dict.fromkeys(TEXT.lower().replace(".", " .").split())]
SHAPE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
LAYOUTS = ["deberta", "xlm-roberta", "bert", "modernbert", "modernbert, bare"]
installed = all(importlib.util.find_spec(name) is not None for name in ("torch", "transformers"))
pytestmark = pytest.mark.filterwarnings("ignore")
needs_library = pytest.mark.skipif(not installed, reason="transformers or torch is not installed")


def write_tokenizer(folder: Path, *, joins: bool = True) -> None:
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if joins:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"cls_token": "[CLS]", "eos_token": {"content": "[SEP]"}}
    (folder / "tokenizer_config.json").write_text(json.dumps(names), encoding="utf-8")


def network(layout: str) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """transformers' network, and weights and settings as the layout keeps them."""
    import torch
    import transformers as library

    torch.manual_seed(3)
    linear = {"weight": torch.randn(2, 32), "bias": torch.randn(2)}
    size = {"vocab_size": len(WORDS), "pad_token_id": 0, **SHAPE}
    if layout == "deberta":
        config = library.DebertaV2Config(
            **size, num_labels=1, type_vocab_size=0, relative_attention=True, position_buckets=16,
            pos_att_type=["p2c", "c2p"], share_att_key=True, norm_rel_ebd="layer_norm", position_biased_input=False,
            max_position_embeddings=96,
        )  # fmt: skip
        model = library.DebertaV2ForSequenceClassification(config)
        weights = model.state_dict() | {f"token_classifier.{name}": tensor for name, tensor in linear.items()}
        settings = config.to_dict() | {
            "model_type": "Provence",
            "architectures": ["Provence"],
            "auto_map": {"AutoModel": "x.Y"},
        }
    elif layout == "xlm-roberta":
        config = library.XLMRobertaConfig(**size | {"pad_token_id": 1}, type_vocab_size=1, max_position_embeddings=98)
        model = library.XLMRobertaModel(config)
        weights = {f"roberta.{name}": tensor for name, tensor in model.state_dict().items()}
        weights |= {f"token_classifier.{name}": tensor for name, tensor in linear.items()}
        weights |= {"classifier.weight": torch.randn(1, 32), "classifier.bias": torch.randn(1)}
        settings = config.to_dict() | {"model_type": "XProvence"}
    else:
        if layout == "bert":
            config = library.BertConfig(**size, num_labels=1, max_position_embeddings=96)
            model = library.BertForSequenceClassification(config)
        else:
            ids = {"bos_token_id": 2, "cls_token_id": 2, "eos_token_id": 3, "sep_token_id": 3}
            config = library.ModernBertConfig(
                **size, **ids, num_labels=1, max_position_embeddings=512, local_attention=16
            )
            model = library.ModernBertForSequenceClassification(config)
        prefix = "" if layout.endswith("bare") else "ranking_model."
        weights = {f"{prefix}{name}": tensor for name, tensor in model.state_dict().items()}
        weights |= {f"pruning_head.classifier.{name}": tensor for name, tensor in linear.items()}
        settings = {
            "model_type": "open_provence",
            "base_model_config": config.to_dict(),
            "num_labels": 1,
            "max_length": 80,
        }
    return model.eval(), {name: tensor.contiguous().clone() for name, tensor in weights.items()}, settings


def checkpoint(folder: Path, layout: str, *, joins: bool = True) -> tuple[Any, dict[str, Any]]:
    from safetensors.torch import save_file

    model, weights, settings = network(layout)
    save_file(weights, str(folder / "model.safetensors"))
    (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    write_tokenizer(folder, joins=joins)
    return model, weights


def expected(layout: str, model: Any, weights: dict[str, Any], window: Window) -> tuple[np.ndarray, float]:
    """One window by itself through transformers' network; of ModernBERT the states before its last norm."""
    import torch

    given = {"input_ids": torch.tensor([window.ids])}
    if layout == "bert":
        given["token_type_ids"] = torch.tensor([[int(at >= window.question) for at in range(len(window.ids))]])
    states: list[Any] = []
    place = model.model.final_norm if layout.startswith("modernbert") else None
    if place is not None:
        place.register_forward_pre_hook(lambda _, arguments: states.append(arguments[0]))
    with torch.no_grad():
        output = model(**given, output_hidden_states=True)
        hidden = states[-1] if states else output.hidden_states[-1]
        head = "token_classifier" if "token_classifier.weight" in weights else "pruning_head.classifier"
        logits = hidden[0] @ weights[f"{head}.weight"].T + weights[f"{head}.bias"]
        if layout == "xlm-roberta":
            rank = output.pooler_output @ weights["classifier.weight"].T + weights["classifier.bias"]
        else:
            rank = output.logits
    return torch.softmax(logits, dim=-1)[:, 1].numpy(), float(torch.sigmoid(rank[0, 0]))


@needs_library
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_loads_and_scores(tmp_path: Path, layout: str):
    network, weights = checkpoint(tmp_path, layout)
    model = load_provence(tmp_path)
    assert isinstance(model, TokenModel)
    assert model.limit == {"deberta": 96, "xlm-roberta": 96}.get(layout, 80)
    assert (model.first, model.last) == ([2], [3])
    assert model.between == ([3] if layout == "xlm-roberta" else [3, 3])
    question, text = model.encode(["Is the lamp red?", TEXT])
    window = Window([2, *question, *model.between], 1 + len(question) + len(model.between))
    window.add(0, 0, text)
    window.ids.append(3)
    short = Window([2, 5, 3, 6, 7, 3], 3)
    found = model.run([short, window])
    for (keep, relevance), each in zip(found, (short, window), strict=True):
        own = expected(layout, network, weights, each)
        assert keep.shape == (len(each.ids),)
        assert keep == pytest.approx(own[0], abs=1e-5)
        assert relevance == pytest.approx(own[1], abs=1e-5)
    context = Passages([TEXT, "", TEXT * 9, "\x00 \ud800 red"], titles=["roof", "", "", ""])
    scorer = ProvenceScorer(tmp_path, batch=3)
    units, documents = scorer.score_documents("When was the lamp lit?", context)
    assert ((units >= 0) & (units <= 1)).all()
    assert len(set(units.tolist())) > 8
    ranked = PassagePruner(Pruner(scorer)).rank("When was the lamp lit?", context)
    assert [entry["corpus_id"] for entry in ranked] == np.argsort(-documents, kind="stable").tolist()


@needs_library
def test_a_batch_equals_a_loop_and_threads(tmp_path: Path):
    checkpoint(tmp_path, "deberta")
    contexts = [Passage(TEXT), Passage("The roof."), Passage(TEXT * 20), Passage("\x00 \ud800 red"), Passage("")]
    queries = ["lamp", "red " * 2000, "the roof is red", "\ud800", ""]
    scorer = ProvenceScorer(str(tmp_path))
    together = score_batch(scorer, queries, contexts)
    alone = [scorer.score(*pair) for pair in zip(queries, contexts, strict=True)]
    with ThreadPoolExecutor(8) as pool:
        threads = list(pool.map(scorer.score, queries * 3, contexts * 3))
    for one, other in zip(together * 4, alone + threads, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


@needs_library
def test_what_is_missing_or_unknown_is_told(tmp_path: Path):
    from safetensors.torch import save_file

    with pytest.raises(InputError, match="a file of the checkpoint is missing"):
        ProvenceModel(tmp_path)
    _, weights = checkpoint(tmp_path, "deberta")

    def refused(message: str, kind: type[Exception] = FormatError) -> None:
        with pytest.raises(kind, match=message):
            ProvenceModel(tmp_path)

    file = tmp_path / "model.safetensors"
    save_file({name: tensor for name, tensor in weights.items() if "token" not in name}, str(file))
    refused("no head for tokens")
    save_file({name: tensor for name, tensor in weights.items() if name != "classifier.bias"}, str(file))
    refused(r"has no classifier\.bias")
    save_file({name: tensor for name, tensor in weights.items() if name != "pooler.dense.bias"}, str(file))
    refused(r"do not match: they lack 'pooler\.dense\.bias'")
    save_file(weights | {"more.weight": weights["pooler.dense.bias"].clone()}, str(file))
    refused(r"they have no place for 'more\.weight'")
    save_file(weights | {"token_classifier.weight": weights["classifier.weight"].clone()}, str(file))
    refused("two classes")
    file.write_bytes(b"cut")
    refused("weights cannot be read")
    file.rename(tmp_path / "pytorch_model.bin")
    refused("weights of the checkpoint are missing", InputError)
    save_file(weights, str(file))
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    refused("tokenizer cannot be read")
    (tmp_path / "tokenizer.json").unlink()
    refused(r"tokenizer\.json is missing", InputError)
    (tmp_path / "config.json").write_text("[", encoding="utf-8")
    refused("a file of the checkpoint is damaged")


@needs_library
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base_model_config": None}, "no base_model_config"),
        ({"base_model_config": {"model_type": "nothing"}}, "'nothing' cannot be made"),
        ({"max_length": 20}, "reads 20 tokens"),
    ],
)
def test_wrong_settings(tmp_path: Path, changes: dict, message: str):
    checkpoint(tmp_path, "bert")
    settings = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "config.json").write_text(json.dumps(settings | changes), encoding="utf-8")
    with pytest.raises(FormatError, match=message):
        ProvenceModel(tmp_path)


@needs_library
def test_weights_in_several_files_and_a_tokenizer_that_joins_nothing(tmp_path: Path):
    from safetensors.torch import save_file

    _, weights = checkpoint(tmp_path, "bert", joins=False)
    whole = ProvenceScorer(ProvenceModel(tmp_path)).score("the lamp", Passage(TEXT))
    (tmp_path / "model.safetensors").unlink()
    names = sorted(weights)
    places = {name: f"model-{at % 2}.safetensors" for at, name in enumerate(names)}
    for file in set(places.values()):
        save_file({name: weights[name] for name in names if places[name] == file}, str(tmp_path / file))
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}), encoding="utf-8")
    model = ProvenceModel(tmp_path)
    assert (model.first, model.between, model.last) == ([2], [3], [3])
    assert np.array_equal(ProvenceScorer(model).score("the lamp", Passage(TEXT)), whole)
    (tmp_path / "tokenizer_config.json").unlink()
    with pytest.raises(FormatError, match="names no special tokens"):
        ProvenceModel(tmp_path)


def test_without_torch_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"pip install .*embedding"):
        ProvenceModel(tmp_path)


@pytest.mark.parametrize(("name", "rows"), [("classifier", 2), ("token_classifier", 1)])
def test_a_head_with_other_classes_is_refused(name: str, rows: int):
    weights = {f"{name}.weight": np.zeros((rows, 4)), f"{name}.bias": np.zeros(rows)}
    with pytest.raises(FormatError, match="has the shape"):
        _take_head(weights, name, "a folder")
