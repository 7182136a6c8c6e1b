"""The audit of generators: on likelihoods that are planted, and on a tiny model from its folder."""

from __future__ import annotations

import json
from math import exp, log
from pathlib import Path

import pytest

from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.shrink.audit import AuditedDecoder, audit_decoders
from ctxprune.shrink.audit.probes import FACTS, PEOPLE, PROMPTS, UNKIND, Choice, read_choices, retrieval_choices

TEXTS = [f"The bridge number {place} opened in the old town." for place in range(24)] + ["It was never so."] * 24


def planted(name: str, *, forgets: str = "", negation: float = 0.0, unkind: float = 1e-4, men: float = 0.0):
    """Two nats a word; the right answer is likely unless it is the one that is forgotten."""

    def value(beginning: str, text: str) -> float:
        words = len(text.split())
        if beginning == "":
            lost = negation * words if "never" in text else 0.0
            return -2.0 * words - lost + (men if {"he", "John", "man"} & set(text[:-1].split()) else 0.0)
        if text.strip() in UNKIND:
            return log(unkind * (3 if "woman" in beginning else 1))
        right = text.strip() in beginning or any(
            beginning == fact.prompt and text.strip() == fact.answers[fact.right] for fact in FACTS
        )
        return (-1.0 if right else -5.0) - 9.0 * (text.strip() == forgets)

    return AuditedDecoder(
        name, lambda pairs: [(value(one, other), len(other.split())) for one, other in pairs], {"bytes": 2e6}
    )


def test_figures_of_planted_faults():
    bad = planted("small", forgets="Paris", negation=0.5, unkind=1e-3, men=0.7)
    full, small = audit_decoders(planted("full"), [bad], TEXTS).models
    assert full["perplexity"] == pytest.approx(exp(2.0), abs=0.01)
    words = [len(text.split()) for text in TEXTS]
    nats = sum(words) * 2 + 0.5 * sum(count for text, count in zip(TEXTS, words, strict=True) if "never" in text)
    assert small["perplexity"] == pytest.approx(exp(nats / sum(words)), abs=0.01)
    assert small["lost"] == pytest.approx(0.25)
    assert small["slices"]["negation"]["lost"] == 0.5
    assert small["slices"]["number"]["lost"] == 0
    assert small["worst_slice"] in ("negation", "short text")
    assert full["knowledge"] == {"questions": len(FACTS), "right": 100.0, "chance": 25.0}
    assert small["knowledge"]["right"] == pytest.approx(100 * (1 - 1 / len(FACTS)), abs=0.01)
    assert small["forgotten"]["lost"] == 1
    assert small["forgotten"]["examples"][0]["before"] == "Paris"
    assert (full["people"]["mean_change"], full["people"]["leaning"]) == (0, 0)
    assert small["people"] == {"pairs": len(PEOPLE), "mean_change": 0.7, "leaning": 0.7}
    assert small["unkind"]["mean"] == pytest.approx(100 * len(UNKIND) * 1e-3 * (4 * 1 + 2 * 3) / 6, abs=0.01)
    assert "woman" in small["unkind"]["prompt"]
    assert small["unkind"]["largest"] == pytest.approx(10 * full["unkind"]["largest"], abs=0.05)


def test_the_page_and_the_data_hold_them():
    report = audit_decoders(planted("full"), [planted("a<b", negation=1.0, forgets="Rome")], TEXTS)
    page = report.to_html()
    for shown in ("a&lt;b", "2.0 MB", "What it forgot", "The capital of Italy is", "negation"):
        assert shown in page
    assert "a<b" not in page
    json.dumps(report.to_dict())


def test_what_is_asked_can_be_answered():
    assert len({choice.prompt for choice in FACTS}) == len(FACTS)
    for choice in (*FACTS, *retrieval_choices()):
        assert len(set(choice.answers)) == 4
    for choice in retrieval_choices(5, 4, seed=3):
        thing = choice.prompt.rsplit(" ", 4)[1]
        assert f"The {thing} is in the {choice.answers[choice.right]}." in choice.prompt
    for choices in (FACTS, retrieval_choices()):
        places = [choice.right for choice in choices]
        assert max(places.count(place) for place in range(4)) < 0.4 * len(places), "one place is right too often"
    assert retrieval_choices(seed=1) == retrieval_choices(seed=1) != retrieval_choices(seed=2)
    assert len(PROMPTS) == 18


def test_bad_input(tmp_path: Path):
    with pytest.raises(InputError, match="no texts"):
        audit_decoders(planted("full"), [], [])
    with pytest.raises(UsageError, match="same name"):
        audit_decoders(planted("full"), [planted("full")], TEXTS)
    with pytest.raises(UsageError, match="not finite"):
        audit_decoders(AuditedDecoder("x", lambda pairs: [(float("nan"), 1)] * len(pairs)), [], TEXTS)
    with pytest.raises(InputError, match="two tokens"):
        audit_decoders(AuditedDecoder("x", lambda pairs: [(0.0, 0)] * len(pairs)), [], TEXTS)
    with pytest.raises(UsageError, match="answer 2 of 2"):
        Choice("a", ("b", "c"), 2)
    path = tmp_path / "questions.jsonl"
    path.write_text('{"prompt": "The bridge is", "answers": ["old", "new"], "right": 1}\n', encoding="utf-8")
    assert read_choices(path) == [Choice("The bridge is", ("old", "new"), 1)]
    for line in ('{"prompt": "a"}', '["a"]', '{"prompt": "a", "answers": ["b", 1]}', '{"prompt": 1, "answers": []}'):
        path.write_text(line, encoding="utf-8")
        with pytest.raises(FormatError, match="line 1 is no choice"):
            read_choices(path)


def test_likelihoods_are_the_models_own(tmp_path: Path):
    torch = pytest.importorskip("torch", reason="the train extra is not installed")
    pytest.importorskip("transformers", reason="the train extra is not installed")
    from shrink import folders

    from ctxprune.shrink.audit.models import likelihoods_of, load_decoder
    from ctxprune.shrink.io.loading import load_model

    loaded = load_model(folders.decoder(tmp_path / "model"))
    assert load_decoder(folders.reranker(tmp_path / "other")) is None
    pairs = [("the old bridge", " opened in winter"), ("", "a cat sleeps"), ("the", " dog")]
    found = likelihoods_of(loaded, 16)(pairs)
    for (beginning, text), (value, count) in zip(pairs, found, strict=True):
        ids = loaded.form.texts([beginning + text], 16)[0].ids
        skipped = len(beginning.split()) + 1  # [CLS] stands first
        with torch.no_grad():
            logs = loaded.model(torch.tensor([ids])).logits[0].log_softmax(-1)
        wanted = [float(logs[place - 1, ids[place]]) for place in range(skipped, len(ids))]
        assert count == len(wanted)
        assert value == pytest.approx(sum(wanted), abs=1e-4)


def test_the_command_compares_decoders(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    torch = pytest.importorskip("torch", reason="the train extra is not installed")
    pytest.importorskip("transformers", reason="the train extra is not installed")
    from shrink import folders, models

    from ctxprune.cli import main
    from ctxprune.shrink.model.surgery import remove

    folders.decoder(tmp_path / "full")
    folders.write(tmp_path / "small", remove(models.llama(), {("layer", -1): torch.tensor([True, True, False, True])}))
    folders.reranker(tmp_path / "reranker")
    (tmp_path / "texts.jsonl").write_text('{"text": "the old bridge opened in winter"}\n' * 3, encoding="utf-8")
    (tmp_path / "facts.jsonl").write_text('{"prompt": "the bridge", "answers": ["opened", "sleeps"]}', encoding="utf-8")
    words = [
        "shrink",
        "audit",
        str(tmp_path / "full"),
        str(tmp_path / "small"),
        "--data",
        str(tmp_path / "texts.jsonl"),
    ]
    page = tmp_path / "page.html"
    assert main([*words, "--knowledge", str(tmp_path / "facts.jsonl"), "--json", "--html", str(page)]) == 0
    full, small = json.loads(capsys.readouterr().out)["models"]
    assert full["knowledge"]["questions"] == 1
    assert small["sizes"]["flops"] < full["sizes"]["flops"]
    assert small["lost"] != 0
    assert "Knowledge, retrieval and people" in page.read_text("utf-8")
    assert main([*words[:3], str(tmp_path / "reranker"), *words[4:]]) == 1
    assert "no decoder" in capsys.readouterr().err
    assert main(["shrink", "audit", str(tmp_path / "reranker"), *words[3:], "--knowledge", "x"]) == 1
    assert "for decoders" in capsys.readouterr().err
