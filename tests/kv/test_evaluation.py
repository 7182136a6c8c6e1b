"""Samples, cells and the comparison on a tiny model: what rows say, that a run goes on, what is refused."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.models import SIZES, letters  # noqa: E402
from transformers import LlamaConfig, LlamaForCausalLM  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from ctxprune.errors import CtxpruneError, InputError, UsageError  # noqa: E402
from ctxprune.kv.evaluation.run import Comparison, cells_of, compare  # noqa: E402
from ctxprune.kv.evaluation.samples import make_samples  # noqa: E402
from ctxprune.kv.pipeline import ChatFrame, Pipeline  # noqa: E402
from ctxprune.kv.presses.registry import build_press  # noqa: E402

TEXT = " ".join(f"Sentence {number} says that the weather of day {number * 7} was calm." for number in range(800))


@pytest.fixture(scope="module")
def tokenizer():
    return letters()


@pytest.fixture(scope="module")
def model(tokenizer):
    torch.manual_seed(3)
    return LlamaForCausalLM(LlamaConfig(**{**SIZES, "vocab_size": len(tokenizer)})).eval()


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.mark.parametrize("task", ["needle", "key_value"])
def test_the_fact_stands_where_its_depth_says_and_nothing_is_too_long(tokenizer, task):
    samples = make_samples(task, tokenizer, TEXT, tokens=1500, count=4, seed=1)
    assert [sample.depth for sample in samples] == sorted(sample.depth for sample in samples)
    for sample in samples:
        context, answer = tokenizer.decode(sample.context[0]), tokenizer.decode(sample.answer[0])
        assert context.count(answer) == 1
        assert sample.context.shape[1] <= 1500
        assert abs(context.index(answer) / len(context) - sample.depth) < 0.1
    again = make_samples(task, tokenizer, TEXT, tokens=1500, count=4, seed=1)
    assert all(torch.equal(one.context, two.context) for one, two in zip(samples, again, strict=True))
    assert tokenizer.decode(make_samples(task, tokenizer, TEXT, tokens=1500, count=4, seed=2)[0].answer[0]) != (
        tokenizer.decode(samples[0].answer[0])
    )


def test_a_chat_template_stands_around(tokenizer):
    assert ChatFrame.of(tokenizer) == ChatFrame("", "\n")
    tokenizer.chat_template = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}[assistant]"
    try:
        assert ChatFrame.of(tokenizer) == ChatFrame("[user]", "[assistant]")
    finally:
        tokenizer.chat_template = None


def test_rows_and_going_on(model, tokenizer, text, tmp_path, monkeypatch):
    asked = Comparison(
        presses=("snapkv", "adakv(snapkv)", "streaming_llm"),
        ratios=(0.5, 0.75),
        storages=("plain", "kivi4"),
        tokens=300,
        samples=1,
    )
    log, seen = tmp_path / "log.jsonl", []
    rows = compare(model, tokenizer, text, asked, log=log, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]
    assert [(row["press"], row["ratio"], row["mode"], row["storage"]) for row in rows] == [
        cell.key for cell in cells_of(asked)
    ]
    for row in rows[1:]:
        # heads of different counts leave more tokens behind the groups that are quantised
        loose = 0.03 if (row["press"], row["storage"]) == ("adakv(snapkv)", "kivi4") else 1e-4
        assert row["bytes_ratio"] <= 1 - row["ratio"] + loose
        assert row["press_ms"] > 0
        assert row["samples"] == 2
    assert rows[0]["bytes_ratio"] > 1  # the full cache, and the columns of its tokens
    monkeypatch.setattr("ctxprune.kv.evaluation.run.measure_outcomes", None)  # nothing is measured again
    with log.open("a") as file:
        file.write('{"of": "cut')
    assert compare(model, tokenizer, text, asked, log=log) == rows


def test_answers_are_those_of_greedy_decoding(model, tokenizer):
    from ctxprune.kv import SnapKV, compress

    sample = make_samples("needle", tokenizer, TEXT, tokens=300, count=1)[0]
    cache = compress(model, sample.context, SnapKV(0.5))
    whole = torch.cat([sample.context, sample.question], dim=1)
    said = model.generate(whole, cache=cache.copy(), max_new_tokens=3, do_sample=False, eos_token_id=None)
    said = said[:, whole.shape[1] :]
    from dataclasses import replace

    from ctxprune.kv.evaluation.cells import is_answered

    assert is_answered(model, cache.copy(), replace(sample, answer=said))
    assert not is_answered(model, cache.copy(), replace(sample, answer=said + 1))


def test_perplexity_of_the_full_cache_is_the_model_s(model, tokenizer, text):
    import math

    asked = Comparison(presses=("knorm",), ratios=(0.5,), modes=("blind",), tasks=(), windows=2)
    rows = compare(model, tokenizer, text, asked)
    ids = tokenizer(TEXT)["input_ids"]
    stride, losses = len(ids) // 2, []
    for start in (0, stride):
        window = torch.tensor([ids[start : start + 1280]])
        with torch.no_grad():
            logits = model(window).logits[0, 1024:-1]
        losses.append(float(torch.nn.functional.cross_entropy(logits, window[0, 1025:])))
    assert rows[0]["perplexity"] == pytest.approx(math.exp(sum(losses) / 2), abs=2e-3)
    assert rows[1]["perplexity"] != rows[0]["perplexity"]


@pytest.mark.parametrize(
    "options",
    [
        {"ratios": (1.0,)},
        {"modes": ("deaf",)},
        {"storages": ("gzip",)},
        {"tasks": ("poem",)},
        {"ratios": (float("nan"),)},
    ],
)
def test_what_is_out_of_range_is_refused(options):
    with pytest.raises(UsageError):
        Comparison(**options)


def test_unknown_presses_and_short_texts_are_refused(model, tokenizer, tmp_path):
    with pytest.raises(LookupError, match="did you mean 'snapkv'"):
        build_press("snapkw", 0.5)
    short = tmp_path / "short.txt"
    short.write_text("One sentence. Another one.")
    with pytest.raises(InputError, match="tokens"):
        compare(model, tokenizer, short, Comparison(presses=("knorm",), tasks=("needle",), tokens=300))
    short.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read"):
        compare(model, tokenizer, short, Comparison(presses=("knorm",), tasks=("needle",), tokens=300))


def test_the_command_prints_rows(model, tokenizer, text, tmp_path):
    from ctxprune.cli._app import app

    folder = tmp_path / "model"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    words = ["bench", "kv", "--model", str(folder), "--text", str(text), "--press", "snapkv", "--ratio", "0.5"]
    words += ["--tokens", "300", "--samples", "1", "--dtype", "float32"]
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)["rows"]
    assert {"press", "ratio", "mode", "accuracy", "perplexity", "bytes_ratio", "press_ms", "prefill_ms"} <= set(rows[0])
    assert [row["press"] for row in rows] == ["full", "snapkv", "snapkv"]
    assert "Loading weights" not in done.output
    done = CliRunner().invoke(app, words)
    for head in ("snapkv", "needle", "value", "question"):
        assert head in done.stdout
    assert "perplexity" not in done.stdout
    assert "Loading weights" not in done.output


def test_a_pipeline_answers_blind_and_aware(model, tokenizer):
    from ctxprune.kv import SnapKV

    for aware in (False, True):
        said = Pipeline(model, tokenizer, SnapKV(0.5), aware=aware, max_new_tokens=4)(TEXT[:300], ["Why?", "How?"])
        assert len(said) == 2
        assert all(each.kept == 150 and each.tokens == 300 for each in said)
        assert all(0.5 < each.bytes_ratio < 0.6 for each in said)
    whole = Pipeline(model, tokenizer, SnapKV(0.0), max_new_tokens=4)(TEXT[:300], ["Why?"])[0]
    ids = torch.tensor([tokenizer(TEXT[:300] + "\n\nWhy?\n")["input_ids"]])
    plain = model.generate(ids, max_new_tokens=4, do_sample=False)[0, ids.shape[1] :]
    assert whole.text == tokenizer.decode(plain, skip_special_tokens=True).strip()
    with pytest.raises(UsageError, match="empty"):
        Pipeline(model, tokenizer, SnapKV(0.5))("  ", ["Why?"])


def test_the_command_looks_at_its_files_before_it_loads_the_model(text, tmp_path):
    from ctxprune.cli._app import app

    config = tmp_path / "config.json"
    config.write_text("{")  # a model that cannot be loaded
    notes = tmp_path / "notes.txt"
    notes.write_text("Mine.\n")
    words = ["bench", "kv", "--model", str(tmp_path)]
    for options, message in (
        (["--text", str(tmp_path / "none.txt")], "the text cannot be read"),
        (["--text", str(text), "--log", str(notes)], "this file is not a log of bench kv"),
        (["--text", str(text), "--log", str(tmp_path / "none" / "log")], "there is no folder for the log"),
        (["--text", str(text), "--press", "adakv(qfilter)"], "adakv(qfilter) needs what was learned for the model"),
        (["--text", str(text), "--press", "snapkw"], "no press is named 'snapkw'"),
        (["--text", str(text), "--press", "snapkv(knorm)"], "snapkv is a press, and wraps none"),
        (["--text", str(text), "--task", "haystack"], "task is 'haystack'"),
        (["--text", str(text), "--ratio", "1"], "ratio is 1.0"),
        (["--text", str(text)], "the model cannot be read"),
    ):
        done = CliRunner().invoke(app, [*words, *options])
        assert isinstance(done.exception, CtxpruneError)
        assert message in str(done.exception)
    assert notes.read_text() == "Mine.\n"


TASKS = ["needle", "key_value", "multi_key", "multi_value", "multi_query", "variables", "common_words", "passages"]


@pytest.mark.parametrize("count", [1, 2, 8])
@pytest.mark.parametrize("perplexity", [None, 102.0625])
def test_the_table_keeps_names_and_digits_whole_where_it_is_narrow(count, perplexity):
    from io import StringIO

    from rich.console import Console

    from ctxprune.cli.bench_kv import _print_rows

    tasks = tuple(TASKS[:count])
    rows = [
        {"press": name, "ratio": ratio, "mode": mode, "storage": "kivi4", "accuracy": 55.2, "perplexity": perplexity}
        | {"bytes_ratio": 0.4964, "press_ms": 1234.5, "prefill_ms": 9876.5}
        | {task: 10.5 + number for number, task in enumerate(tasks)}
        for name, ratio, mode in (
            ("full", 0.0, "blind"),
            ("chunkkv(observed_attention)", 0.5, "blind"),
            ("chunkkv(observed_attention)", 0.875, "aware"),
        )
    ]
    console = Console(file=StringIO(), width=80)
    _print_rows(console, rows, tasks)
    shown = console.file.getvalue()
    assert "\u2026" not in shown
    assert shown.count("chunkkv(observed_attention) ") % 2 == 0
    assert all(len(line) <= 80 for line in shown.splitlines())
    for value in ("0.4964", "1234.5", *(str(10.5 + number) for number in range(count))):
        assert value in shown
    assert ("perplexity" in shown) == ("102.0625" in shown) == (perplexity is not None)
    assert "storage kivi4" in shown
    for task in tasks:
        assert task.split("_")[0] in shown
