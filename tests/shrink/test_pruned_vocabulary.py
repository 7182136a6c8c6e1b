"""Smaller vocabularies of whole models: the same of what is read as before, all text readable, folders that load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
transformers = pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import folders, vocabularies  # noqa: E402
from shrink import models as tiny  # noqa: E402

from ctxprune.cli import main  # noqa: E402
from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.audit import Question  # noqa: E402
from ctxprune.shrink.audit.models import scorer_of  # noqa: E402
from ctxprune.shrink.io.loading import load_model  # noqa: E402
from ctxprune.shrink.io.saving import save_model  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402
from ctxprune.shrink.run.preparation import prepare  # noqa: E402
from ctxprune.shrink.run.vocabulary import prune_vocabulary  # noqa: E402

TEXTS = ["the bridge is long", "the river is long", "bridge of the town"]
WHOLE = 5 + len(folders.WORDS) + 51  # pieces


def scores(loaded, question: str, passages: list[str]) -> list[float]:
    return scorer_of(loaded, 32)(Question(question, tuple(passages), (0.0,) * len(passages)))


def encoded(loaded, text: str) -> list[str]:
    return loaded.form.tokenizer.encode(text).tokens


def test_frequent_words_keep_their_tokens_and_others_are_spelled(tmp_path: Path):
    loaded = load_model(folders.spelled(tmp_path / "big"))
    small, said = prune_vocabulary(loaded, TEXTS, 64, counted=["queen"])
    assert said["pieces"] == [WHOLE, 64]
    assert said["bytes"] == [4 * 32 * (WHOLE + 3), 4 * 32 * 64]
    assert said["tokens"] == [13, 17]
    assert said["unknown"] == [0, 0]
    assert encoded(small, "the long bridge") == encoded(loaded, "the long bridge")
    assert encoded(small, "the queen ж") == ["[CLS]", "the", "q", "##u", "##e", "##e", "##n", "[UNK]", "[SEP]"]
    pair = ("the bridge", ["is the river long", "a town"])
    assert scores(small, *pair) == pytest.approx(scores(loaded, *pair), abs=1e-6)
    assert len(load_model(tmp_path / "big").model.bert.embeddings.word_embeddings.weight) == WHOLE + 3


@pytest.mark.parametrize("uniform", [True, False])
def test_the_folder_loads(uniform: bool, tmp_path: Path):
    loaded, _ = prune_vocabulary(load_model(folders.spelled(tmp_path / "big")), TEXTS, 64)
    if not uniform:
        loaded = loaded.with_model(remove(loaded.model, {("neuron", 1): torch.arange(48) < 9}))
    place = save_model(loaded, tmp_path / "small")
    found = load_model(place)
    pair = ("the queen", ["is the river long", "a town"])
    wanted = scores(loaded, *pair)
    assert scores(found, *pair) == wanted
    again, said = prune_vocabulary(found, TEXTS, 60)
    assert said["pieces"] == [64, 60]
    save_model(again, tmp_path / "smaller")
    assert len((place / "vocab.txt").read_text("utf-8").splitlines()) == 64
    if uniform:
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(place), local_files_only=True)
        model = transformers.AutoModelForSequenceClassification.from_pretrained(str(place), local_files_only=True)
        rows = tokenizer([pair[0]] * 2, pair[1], padding=True, return_tensors="pt")
        assert rows["input_ids"].max() < 64
        with torch.no_grad():
            assert model.eval()(**rows).logits[:, 0].tolist() == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("tied", [True, False])
def test_heads_that_write_words_are_cut_with_them(tied: bool, tmp_path: Path):
    place = folders.spelled(tmp_path / "words", transformers.BertForMaskedLM)
    model = transformers.BertForMaskedLM.from_pretrained(str(place), local_files_only=True).eval()
    if not tied:
        head = model.cls.predictions.decoder
        head.weight = torch.nn.Parameter(0.9 * head.weight.detach())
    loaded = load_model(folders.spelled(tmp_path / "big")).with_model(model)
    small, _ = prune_vocabulary(loaded, TEXTS, 64)
    ids = torch.tensor([loaded.form.tokenizer.encode(TEXTS[0]).ids])
    fewer = torch.tensor([small.form.tokenizer.encode(TEXTS[0]).ids])
    old, new = (entry.form.tokenizer.get_vocab() for entry in (loaded, small))
    order = [old[piece] for piece in sorted(new, key=new.__getitem__)]
    with torch.no_grad():
        torch.testing.assert_close(small.model(fewer).logits, model(ids).logits[..., order])


def test_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    folders.spelled(Path("model"))
    folders.pairs(Path("pairs.jsonl"))
    words = ["shrink", "model", "--data", "pairs.jsonl", "--recipe", "flap", "--vocabulary", "80"]
    assert main([*words, "--target", "flops=0.5", "--out", "small", "--onnx", "--html", "a.html", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    said = report["vocabulary"]
    assert said["pieces"] == [WHOLE, 80]
    assert said["tokens"][1] > said["tokens"][0]
    assert said["quality"][0] == report["quality"]["before"]
    assert report["sizes"]["flops"][1] <= 0.5 * report["sizes"]["flops"][0]
    assert report["onnx"]["model.onnx"]["largest"] < 1e-4
    from ctxprune.scorers.neural.cross_encoder import load_cross_encoder

    pairs = [("when did the queen", "the long river")]
    small = load_model("small")
    wanted = torch.sigmoid(torch.tensor(scores(small, pairs[0][0], [pairs[0][1]]))).tolist()
    assert load_cross_encoder(Path("small/onnx/model.onnx"))(pairs).tolist() == pytest.approx(wanted, abs=1e-5)
    assert main([*words, "--target", "bytes=60%", "--out", "less"]) == 0
    assert "tokens of the data" in capsys.readouterr().out
    report = json.loads(Path("less/report.json").read_text("utf-8"))
    assert report["sizes"]["bytes"][1] <= 0.6 * report["sizes"]["bytes"][0]
    assert main([*words[:-1], "1", "--target", "bytes=99%", "--out", "least", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["recipe"] == "vocabulary"
    assert report["vocabulary"]["pieces"] == [WHOLE, 57]
    assert load_model("least").form.tokenizer.get_vocab_size() == 57


@pytest.mark.parametrize("kind", ["reranker", "embedder"])
def test_without_labels_the_full_model_judges(kind: str, tmp_path: Path):
    model = transformers.BertModel if kind == "embedder" else transformers.BertForSequenceClassification
    loaded = load_model(folders.spelled(tmp_path / "big", model))
    path = folders.pairs(tmp_path / "pairs.jsonl")
    rows = [{**json.loads(line), "label": None} for line in path.read_text("utf-8").splitlines()]
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    data = prepare(loaded, path, vocabulary=57)
    assert data.full_quality == 1.0
    assert data.vocabulary["quality"][1] < 1.0
    assert data.notes["labels"] == "the full model's scores"
    assert all("labels" not in batch or kind == "embedder" for batch in data.subject.calibration)
    assert data.pairs[0].label is None


def test_a_pruner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    from ctxprune.rag import Passage
    from ctxprune.scorers.neural.pruner import PrunerScorer

    monkeypatch.chdir(tmp_path)
    folders.pruner(Path("pruner"))
    folders.pairs(Path("pairs.jsonl"))
    words = ["shrink", "pruner", "--data", "pairs.jsonl", "--recipe", "unit_magnitude", "--target", "bytes=0.4"]
    assert main([*words, "--vocabulary", "9000", "--out", "small", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["vocabulary"]["pieces"] == [24000, 9000]
    scorer = PrunerScorer(model="small")
    passage = Passage("It opened in 1933. Cats sleep zygomorphically.")
    assert len(scorer.score("when did the bridge open", passage)) == 2
    whole = PrunerScorer(model="pruner").score("when did the bridge open", passage)
    if report["recipe"] == "vocabulary":
        assert scorer.score("when did the bridge open", passage)[0] == pytest.approx(whole[0], abs=0.2)


@pytest.mark.parametrize(
    ("most", "said"),
    [(0, "1 or more"), (-3, "1 or more"), (WHOLE, "no cut: the vocabulary has"), (10**9, "no cut")],
)
def test_numbers_that_are_none(most: int, said: str, tmp_path: Path):
    with pytest.raises(UsageError, match=said):
        prune_vocabulary(load_model(folders.spelled(tmp_path / "big")), TEXTS, most)


def test_what_cannot_be_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    from tokenizers import Tokenizer, models

    with pytest.raises(UsageError, match="all 44 pieces are needed"):  # words of letters that it does not know alone
        prune_vocabulary(load_model(folders.reranker(tmp_path / "words")), TEXTS, 20)
    place = folders.spelled(tmp_path / "big")
    loaded = load_model(place)
    loaded.model.bert.embeddings.word_embeddings.weight.data = torch.zeros(60, 32)
    with pytest.raises(UsageError, match="60 rows of embeddings"):
        prune_vocabulary(loaded, ["queen"], 90)
    Tokenizer(models.WordLevel({"a": 0, "b": 1}, unk_token="a")).save(str(place / "tokenizer.json"))
    monkeypatch.chdir(tmp_path)
    Path("pairs.jsonl").touch()  # a file of data that is missing would be told first
    words = ["shrink", "big", "--data", "pairs.jsonl", "--target", "flops=0.5", "--out", "small", "--vocabulary", "1"]
    assert main(words) == 1
    assert "a tokenizer of the kind 'WordLevel' cannot be cut" in capsys.readouterr().err
    assert not Path("small").exists()


def written(folder: Path, name: str, **sizes: Any) -> Path:
    """A model's folder with a tokenizer of `vocabularies`, and rows to spare in its tables."""
    tokenizer = vocabularies.BUILDERS[name]()
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
    shape |= {"vocab_size": tokenizer.get_vocab_size() + 5, "max_position_embeddings": 64} | sizes
    made, config = MODELS[name]
    torch.manual_seed(0)
    tiny.spread(getattr(transformers, made)(getattr(transformers, config)(**shape))).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    vocabulary = json.loads(tokenizer.to_str())["model"]["vocab"]
    if isinstance(vocabulary, dict):
        (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "sentencepiece.bpe.model").write_bytes(b"of the whole vocabulary")
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": PADS[name]}
    settings["added_tokens_decoder"] = {
        str(number): {"content": entry.content, "special": True}
        for number, entry in tokenizer.get_added_tokens_decoder().items()
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


MODELS = {
    "roberta": ("RobertaForSequenceClassification", "RobertaConfig"),
    "xlm_roberta": ("XLMRobertaForSequenceClassification", "XLMRobertaConfig"),
    "llama2": ("LlamaForCausalLM", "LlamaConfig"),
    "llama3": ("Qwen2ForCausalLM", "Qwen2Config"),
}
PADS = {"roberta": "<pad>", "xlm_roberta": "<pad>", "llama2": "</s>", "llama3": "<|end|>"}
IDS = {
    "roberta": {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "num_labels": 1},
    "xlm_roberta": {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "num_labels": 1},
    "llama2": {"pad_token_id": 2, "bos_token_id": 0, "eos_token_id": 2},
    "llama3": {"pad_token_id": 341, "bos_token_id": 340, "eos_token_id": [341, 340], "num_key_value_heads": 2},
}


@pytest.mark.parametrize(("name", "tied"), [*((name, True) for name in sorted(MODELS)), ("llama2", False)])
def test_models_of_other_tokenizers(name: str, tied: bool, tmp_path: Path):
    place = written(tmp_path / "big", name, tie_word_embeddings=tied, **IDS[name])
    if (place / "generation_config.json").is_file():
        generation = json.loads((place / "generation_config.json").read_text("utf-8"))
        generation |= {"max_new_tokens": 300, "suppress_tokens": [2, 400], "bad_words_ids": [[1, 2]]}
        (place / "generation_config.json").write_text(json.dumps(generation), encoding="utf-8")
    loaded = load_model(place)
    small, said = prune_vocabulary(loaded, vocabularies.TEXTS[:2], int(0.9 * loaded.form.tokenizer.get_vocab_size()))
    folder = save_model(small, tmp_path / "small")
    assert said["unknown"][0] == said["unknown"][1]
    old, new = (entry.form.tokenizer.get_vocab() for entry in (loaded, small))
    order = [old[piece] for piece in sorted(new, key=new.__getitem__)]
    assert len(order) == said["pieces"][1] < said["pieces"][0]
    config = small.model.config
    for key, value in IDS[name].items():
        if key.endswith("_token_id"):
            now = getattr(config, key)
            assert [order[number] for number in (now if isinstance(now, list) else [now])] == (
                value if isinstance(value, list) else [value]
            )
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    kind = transformers.AutoModelForCausalLM if "CausalLM" in MODELS[name][0] else None
    kind = kind or transformers.AutoModelForSequenceClassification
    again = kind.from_pretrained(str(folder), local_files_only=True).eval()
    same = 0
    for text in [*vocabularies.TEXTS, *vocabularies.OTHERS]:
        one, other = (entry.form.tokenizer.encode(text) for entry in (loaded, small))
        assert small.form.tokenizer.decode(other.ids) == loaded.form.tokenizer.decode(one.ids)
        assert tokenizer(text)["input_ids"] == other.ids
        if one.ids and [order[number] for number in other.ids] == one.ids:
            same += 1
            with torch.no_grad():
                wanted = loaded.model(torch.tensor([one.ids])).logits
                found = small.model(torch.tensor([other.ids])).logits
                torch.testing.assert_close(again(torch.tensor([other.ids])).logits, found)
            torch.testing.assert_close(found, wanted[..., order] if "CausalLM" in MODELS[name][0] else wanted)
    assert same >= 2
    assert tokenizer.convert_tokens_to_ids(PADS[name]) == small.form.pad
    read = load_model(folder)
    assert read.form.pad == small.form.pad
    save_model(read, tmp_path / "again")
    settings = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    if "added_tokens_decoder" in settings:
        assert all(new[entry["content"]] == int(at) for at, entry in settings["added_tokens_decoder"].items())
    assert not list(folder.glob("*.model"))
    if (folder / "vocab.json").is_file():
        assert len(json.loads((folder / "vocab.json").read_text("utf-8"))) <= len(order)
    if (folder / "generation_config.json").is_file():
        generation = json.loads((folder / "generation_config.json").read_text("utf-8"))
        assert generation["eos_token_id"] == config.eos_token_id
        assert generation["max_new_tokens"] == 300
        assert [order[at] for at in generation["suppress_tokens"]] == [at for at in (2, 400) if at in order]


def test_a_pair_is_scored_as_before_by_a_smaller_reranker(tmp_path: Path):
    loaded = load_model(written(tmp_path / "big", "xlm_roberta", **IDS["xlm_roberta"]))
    small, _ = prune_vocabulary(loaded, vocabularies.TEXTS[:2], int(0.9 * loaded.form.tokenizer.get_vocab_size()))
    pair = ("the bridge", ["the town is long", "the lowest one"])
    assert scores(small, *pair) == pytest.approx(scores(loaded, *pair), abs=1e-6)


def test_a_decoders_loss_is_of_the_same_text_before_and_after(tmp_path: Path):
    loaded = load_model(written(tmp_path / "big", "llama3", **IDS["llama3"]))
    path = tmp_path / "texts.txt"
    path.write_text("\n\n".join(f"{number} {text}" for number in range(4) for text in vocabularies.TEXTS), "utf-8")
    whole, data = prepare(loaded, path, tokens=32), prepare(loaded, path, tokens=32, vocabulary=310)
    before, after = data.vocabulary["tokens"]
    assert after > 1.1 * before
    assert data.full_quality == pytest.approx(whole.full_quality * before / after)
