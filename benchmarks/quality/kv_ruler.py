"""Eight tasks after RULER at a quarter of a cache's bytes, with the question, at 4,096 and 8,192 tokens.

    python benchmarks/quality/kv_ruler.py MODEL [--seeds 1 2] [--tokens 4096 8192] [--finished]
    python benchmarks/quality/kv_ruler.py MODEL --tune               # other presses on other texts; records nothing

MODEL is a folder or a .gguf file, say what ../shared/models/get-small-coder prints. It computes in float32, which is
faster than bfloat16 on processors without AMX; bytes are counted as if a number had two, so that four bits are not
favoured. Text is wikitext2 valid, cut in two at an article: `--tune` hides its facts in the first half with seed 100,
and chose the presses and the kernel; the recorded figure is from the second half with other seeds.

Each context is read once, and asked one question or several (`QUESTIONS`), each of which is read once behind it; each
press keeps its tokens of that reading. One of four keys and all four are asked of the same contexts. Answers of several
parts are generated; those of earlier presses are offered as drafts, which the model verifies. `CONTEXTS` is how many
seeds a task gets; presses that cost much to measure, and floors, get two questions of a task's first context. It goes
on from what an earlier run finished, and `--finished` records that alone.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import random
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import avg_pool1d

from benchmarks.common.parts import Parts, say
from benchmarks.common.record import SHARED, record
from ctxprune.kv import Kivi, SnapKV, generate_with_drafts, load_decoder, prefill
from ctxprune.kv.evaluation.cells import Cell, is_answered
from ctxprune.kv.evaluation.sample_builder import Sample, SampleBuilder
from ctxprune.kv.evaluation.samples import TASKS
from ctxprune.kv.model.files import model_fingerprint
from ctxprune.kv.pipeline import ChatFrame
from ctxprune.kv.presses.registry import build_press
from ctxprune.kv.presses.streaming_llm import StreamingLLM

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from ctxprune.kv.reading.prefilled import Prefilled
    from ctxprune.kv.reading.view import LayerView

    Builder = Callable[[random.Random, float], SampleBuilder]

RATIO, TUNE_SEED = 0.75, 100
STORED_RATIO = 1 - (1 - RATIO) / 2  # of the bytes of float32, twice those that are counted
ANSWERABLE = 0.2  # a task that the whole cache answers less often says nothing about presses
KERNEL = 25  # a wider smoothing than SnapKV's 5, chosen by --tune
FEW = ("criticalkv(snapkv)", "streaming_llm", "random")
FAMILIES = (
    ("multi_query", "multi_key"),
    ("multi_value",),
    ("key_value",),
    ("needle",),
    ("variables",),
    ("common_words",),
    ("passages",),
)
QUESTIONS = {"multi_key": 4, "key_value": 6, "passages": 6}  # of one context, at depths spread over it; 1 of others
CONTEXTS = {"needle": 2, "key_value": 1, "passages": 1, "common_words": 1, "variables": 1}  # at most; all of others
SHORT_ONLY = ("common_words", "variables")  # at the first length alone: long answers, which take minutes each
SHORTEST = 2048  # tokens of a context
GREEDY = {"temperature": None, "top_p": None, "top_k": None, "repetition_penalty": 1.0}
PROPOSED = f"snapkv, kernel={KERNEL}, highest of a group"
WHOLE = Cell("whole", StreamingLLM, 0.0, "blind")


def recorded_cells(*, few: bool) -> list[Cell]:
    """The cells of one question; `few`: those as well that few questions get."""
    return [
        WHOLE,
        Cell("snapkv", SnapKV, RATIO, "aware"),
        Cell(f"snapkv, kernel={KERNEL}", snapkv(kernel=KERNEL), RATIO, "aware"),
        Cell(PROPOSED, group_max, RATIO, "aware"),
        Cell("adakv(snapkv)", partial(build_press, "adakv(snapkv)"), RATIO, "aware"),
        Cell("chunkkv(snapkv)", partial(build_press, "chunkkv(snapkv)"), RATIO, "aware"),
        Cell("snapkv", SnapKV, STORED_RATIO, "aware", Kivi(bits=4), "kivi4"),
        *(Cell(name, partial(build_press, name), RATIO, "aware") for name in FEW if few),
    ]


def tuning_cells() -> list[Cell]:
    """Kernels and windows of SnapKV, and wrappers around it, beside the defaults."""
    made = {f"snapkv, kernel={kernel}": snapkv(kernel=kernel) for kernel in (1, 5, 9, 15, 25)}
    made |= {f"snapkv, window={window}": snapkv(window=window) for window in (16, 32)}
    made |= {name: partial(build_press, name) for name in ("adakv(snapkv)", "chunkkv(snapkv)", "tova")}
    made[PROPOSED] = group_max
    return [WHOLE, *(Cell(name, make, RATIO, "aware") for name, make in made.items())]


@dataclass(frozen=True)
class GroupMaxSnapKV(SnapKV):
    """SnapKV with the highest of a group's query heads in place of their mean: a trial, not in the package."""

    def score(self, view: LayerView) -> Tensor:
        window = view.window_size(self.window)
        seen = view.weights(window)[..., : view.total - window].mean(dim=-2)
        batch, heads, group, before = seen.shape
        smooth = avg_pool1d(seen.view(batch, heads * group, before), self.kernel, 1, self.kernel // 2)
        scores = smooth.view(batch, heads, group, before).amax(dim=2)
        above = scores.amax(dim=(1, 2), keepdim=True) + 1
        return torch.cat([scores, above.expand(batch, heads, window)], dim=-1)


def group_max(ratio: float) -> SnapKV:
    return GroupMaxSnapKV(ratio, kernel=KERNEL)


def snapkv(**options) -> Callable[[float], SnapKV]:
    return lambda ratio: SnapKV(ratio, **options)


def family_samples(build: Builder, family: tuple[str, ...], seed: int) -> list[Sample]:
    """Questions about one context: those of the family's tasks, at several depths."""
    samples = []
    for task in family:
        count = QUESTIONS.get(task, 1)
        for number in range(count):
            # The same stream for each: contexts of a family differ only where the depth moves a fact.
            rng = random.Random(f"{family[0]} {seed}")
            depth = (number + 0.5) / count if count > 1 else (seed % 4 + 0.5) / 4
            samples.append(TASKS[task](build(rng, depth)))
    if any(not torch.equal(each.context, samples[0].context) for each in samples):
        raise AssertionError(f"questions of {family} are about different contexts")
    return samples


def measure(model, read: Prefilled, sample: Sample, cells: list[Cell]) -> list[dict]:
    """One row for each cell on one question: what share of the answer it gives, and of the bytes it holds."""
    # One memory for all: wrappers take the scores that their inner press left there.
    asked = read.ask(sample.question).remember()
    rows, answers = [], []
    for cell in cells:
        cache = cell.cache(read if cell.mode == "blind" else asked)
        held = cache.bytes_ratio * (2 if cell.storage else 1)
        right, said = answer(model, cache, sample, answers)
        answers.append(said)
        rows.append(
            {
                "press": cell.name,
                "storage": cell.storage_name,
                "right": right,
                "bytes_ratio": held,
                "said": sample.decode(said) if sample.expected else "",
            }
        )
    return rows


def answer(model, cache, sample, drafts: list[list[int]]) -> tuple[float, list[int]]:
    """The share of the answer that greedy decoding gives, as `score_answer` counts it, and the ids that it said."""
    if not sample.expected:
        return float(is_answered(model, cache, sample)), []
    ids = torch.cat([sample.context, sample.question], dim=1)
    texts = [each for each in drafts if each]
    made = generate_with_drafts(model, ids, texts, cache=cache, max_new_tokens=sample.steps, most=16, **GREEDY)
    said = made.ids[0, ids.shape[1] :].tolist()
    ends = model.generation_config.eos_token_id
    ends = ends if isinstance(ends, list) else [ends]
    said = [token for token in said if token not in ends]
    # Once all parts are said, what follows takes nothing back.
    whole = any(sample.share_of(sample.decode(said[:end])) == 1.0 for end in range(1, len(said) + 1))
    return 1.0 if whole else sample.share_of(sample.decode(said)), said


def halves(text: str) -> tuple[str, str]:
    """The text cut in two where an article of its second half begins."""
    middle = text.index("\n = ", len(text) // 2)
    return text[:middle], text[middle:]


def run(asked, model, build: Callable[[int], Builder]) -> list[dict]:
    """Rows of every cell on every question, from the log where they are there; `build` is given the tokens."""
    parts = Parts("kv_ruler_tuning" if asked.tune else "kv_ruler", keep=not asked.fresh)
    seeds = [TUNE_SEED] if asked.tune else asked.seeds
    work = [
        (seed, tokens, family)
        for place, seed in enumerate(seeds)
        for tokens in asked.tokens
        for family in FAMILIES
        if place < CONTEXTS.get(family[0], len(seeds)) and (family[0] not in SHORT_ONLY or tokens == asked.tokens[0])
    ]
    rows, about = [], (model_fingerprint(model), KERNEL)
    for done, (seed, tokens, family) in enumerate(work, 1):
        title = f"{' and '.join(family)}, {tokens} tokens, seed {seed}"
        if asked.finished and not parts.has(title, about):
            continue
        few = seed == seeds[0]
        found = parts.row(
            title, about, lambda key=(family, seed), tokens=tokens, few=few: ask_all(model, build(tokens), *key, few)
        )
        rows += [{"tokens": tokens, **row, "sample": (seed, row["number"])} for row in found]
        say(f"{done} of {len(work)}: {title}: {mean_right(found)}")
    return rows


def ask_all(model, build: Builder, family: tuple[str, ...], seed: int, few: bool) -> list[dict]:
    """Rows of every cell on every question about one context."""
    samples, rows = family_samples(build, family, seed), []
    read = prefill(model, samples[0].context)
    for number, sample in enumerate(samples):
        cells = tuning_cells() if seed == TUNE_SEED else recorded_cells(few=few and number < 2)
        found = measure(model, read, sample, cells)
        rows += [{"task": sample.task, "number": number, **row} for row in found]
        say(f"  {sample.task} {number}: {mean_right(found)}")
    return rows


def mean_right(rows: list[dict]) -> str:
    keys = dict.fromkeys((row["press"], row["storage"]) for row in rows)
    means = {key: fmean(row["right"] for row in rows if (row["press"], row["storage"]) == key) for key in keys}
    return ", ".join(f"{press} {storage.replace('plain', '')} {right:.2f}" for (press, storage), right in means.items())


def summarise(rows: list[dict]) -> list[dict]:
    """One row for each number of tokens, press and storage: percent right by task, mean, and share of the whole.

    A share is against the whole cache on the same questions; the mean is over tasks.
    """
    whole = {(row["tokens"], row["task"], row["sample"]): row["right"] for row in rows if is_whole(row)}
    summary = []
    for tokens, press, storage in sorted(
        dict.fromkeys((row["tokens"], row["press"], row["storage"]) for row in rows), key=lambda key: key[0]
    ):
        own = [row for row in rows if (row["tokens"], row["press"], row["storage"]) == (tokens, press, storage)]
        tasks: dict[str, list[tuple[float, float]]] = {}
        for row in own:
            tasks.setdefault(row["task"], []).append((row["right"], whole[tokens, row["task"], row["sample"]]))
        shares = {task: share_of_whole([pairs]) for task, pairs in sorted(tasks.items()) if answerable(pairs)}
        summary.append(
            {
                "tokens": tokens,
                "press": press,
                "storage": storage,
                "mean": round(100 * fmean(fmean(right for right, _ in pairs) for pairs in tasks.values()), 1),
                "of_whole": share_of_whole(list(tasks.values())),
                "interval": bootstrap(list(tasks.values())),
                "by_task": {
                    task: round(100 * fmean(right for right, _ in pairs), 1) for task, pairs in sorted(tasks.items())
                },
                "of_whole_by_task": shares,
                "bytes_ratio": round(fmean(row["bytes_ratio"] for row in own), 4),
                "samples": {task: len(pairs) for task, pairs in sorted(tasks.items())},
            }
        )
    return summary


def answerable(pairs: list[tuple[float, float]]) -> bool:
    return fmean(base for _, base in pairs) >= ANSWERABLE


def share_of_whole(tasks: list[list[tuple[float, float]]]) -> float:
    """Mean of the press over tasks as a share of the mean of the whole cache, in percent."""
    base = sum(fmean(base for _, base in pairs) for pairs in tasks)
    return round(100 * sum(fmean(right for right, _ in pairs) for pairs in tasks) / base, 1) if base else 0.0


def is_whole(row: dict) -> bool:
    return row["press"] == WHOLE.name


def bootstrap(tasks: list[list[tuple[float, float]]], rounds: int = 1000) -> list[float]:
    """The middle 95 percent of the share of the whole, in percent, over questions drawn again within each task.

    Tasks with one question add no spread, so that it is too narrow where there are some.
    """
    rng = random.Random(0)
    shares = sorted(share_of_whole([rng.choices(pairs, k=len(pairs)) for pairs in tasks]) for _ in range(rounds))
    return [shares[round(rounds * 0.025)], shares[round(rounds * 0.975) - 1]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--tokens", type=int, nargs="+", default=[4096, 8192])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--tune", action="store_true", help="the tuning half; records nothing")
    parser.add_argument("--finished", action="store_true", help="record what earlier runs finished, measure nothing")
    parser.add_argument("--fresh", action="store_true", help="throw away what an earlier run finished")
    asked = parser.parse_args()
    if TUNE_SEED in asked.seeds:
        parser.error(f"seed {TUNE_SEED} is the one of --tune")
    if min(asked.tokens) < SHORTEST:
        parser.error(f"contexts have {SHORTEST:,} tokens or more, which common_words needs")
    asked.seeds, asked.tokens = (list(dict.fromkeys(each)) for each in (asked.seeds, asked.tokens))
    torch.set_num_threads(1)
    source = SHARED / "data" / "rag" / "wikitext2" / "valid.txt.gz"
    text = halves(gzip.decompress(source.read_bytes()).decode())[0 if asked.tune else 1]
    model, tokenizer = load_decoder(asked.model, dtype="float32")
    frame = ChatFrame.of(tokenizer)

    def build(tokens: int) -> Builder:
        return lambda rng, depth: SampleBuilder(tokenizer, frame, tokens, rng, text, depth)

    rows = run(asked, model, build)
    if not rows:
        parser.error("no earlier run finished anything of these seeds and lengths")
    summary = summarise(rows)
    for row in summary:
        say(f"{row['tokens']} {row['press']} {row['storage']}: {row['mean']}, {row['of_whole']} {row['by_task']}")
    if asked.tune:
        return
    figures = {
        "model": asked.model.name,
        "dtype": "float32",
        "ratio": RATIO,
        "tokens": asked.tokens,
        "seeds": asked.seeds,
        "kernel": KERNEL,
        "proposed": PROPOSED,
        "split": "facts in the second half of the text; presses and kernel chosen on the first",
        "answerable": ANSWERABLE,
        "rows": summary,
    }
    record(
        "kv_ruler",
        figures,
        seed=asked.seeds[0],
        data={"wikitext2 valid": hashlib.sha256(source.read_bytes()).hexdigest()[:16]},
    )


if __name__ == "__main__":
    main()
