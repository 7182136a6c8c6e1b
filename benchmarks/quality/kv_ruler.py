"""Eight tasks after RULER at a quarter of a cache's bytes, with the question, at 4,096 and 8,192 tokens.

    python benchmarks/quality/kv_ruler.py MODEL [--seeds 0 1] [--samples 4] [--tokens 4096 8192]
    python benchmarks/quality/kv_ruler.py MODEL --tune               # other presses on other texts; records nothing

MODEL is a folder or a .gguf file, say what ../shared/models/get-small-coder prints. Text is wikitext2 valid, cut in two
at an article: `--tune` hides its facts in the first half with seed 100, and chose the presses and the kernel; the
recorded figure is from the second half with other seeds. Each context is read once, its question behind it once, and
each press keeps its tokens of that reading. Answers of several parts are generated; those of earlier presses are
offered as drafts, which the model verifies. It goes on from what an earlier run finished, and `--finished` records that
alone. Presses that cost much to measure, and floors, get every second sample. On tasks that the whole cache hardly
answers on the tuning half only that is measured, once a seed, and they do not count in the mean.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import random
from functools import cache, partial
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import torch

from benchmarks.common.parts import Parts, fingerprint, say
from benchmarks.common.record import SHARED, record
from ctxprune.kv import Kivi, SnapKV, generate_with_drafts, load_decoder, prefill
from ctxprune.kv.evaluation.cells import Cell, is_answered
from ctxprune.kv.evaluation.samples import TASKS, make_samples
from ctxprune.kv.model.files import model_fingerprint
from ctxprune.kv.presses.registry import build_press
from ctxprune.kv.presses.streaming_llm import StreamingLLM

if TYPE_CHECKING:
    from collections.abc import Callable

RATIO, TUNE_SEED = 0.75, 100
ANSWERABLE = 0.2  # a task that the whole cache answers less often says nothing about presses
WHOLE = Cell("whole", StreamingLLM, 0.0, "blind")
KERNEL = 15  # a wider smoothing than SnapKV's 5, chosen by --tune
HARD = ("common_words", "variables")  # the whole cache answers none of them on the tuning half
FEW = ("criticalkv(snapkv)", "streaming_llm", "random")  # every second sample
GREEDY = {"temperature": None, "top_p": None, "top_k": None, "repetition_penalty": 1.0}


def recorded_cells(task: str, number: int) -> list[Cell]:
    """The cells of one sample."""
    if task in HARD:
        return [WHOLE]
    few = [] if number % 2 else [Cell(name, partial(build_press, name), RATIO, "aware") for name in FEW]
    return [
        WHOLE,
        Cell("snapkv", SnapKV, RATIO, "aware"),
        Cell(f"snapkv, kernel={KERNEL}", snapkv(kernel=KERNEL), RATIO, "aware"),
        Cell("adakv(snapkv)", partial(build_press, "adakv(snapkv)"), RATIO, "aware"),
        Cell("chunkkv(snapkv)", partial(build_press, "chunkkv(snapkv)"), RATIO, "aware"),
        Cell("snapkv", SnapKV, RATIO, "aware", Kivi(bits=4), "kivi4"),
        *few,
    ]


def tuning_cells() -> list[Cell]:
    """Kernels and windows of SnapKV, and wrappers around it, beside the defaults."""
    made = {f"snapkv, kernel={kernel}": snapkv(kernel=kernel) for kernel in (1, 5, 9, 15, 25)}
    made |= {f"snapkv, window={window}": snapkv(window=window) for window in (16, 32)}
    made |= {name: partial(build_press, name) for name in ("adakv(snapkv)", "chunkkv(snapkv)", "tova")}
    return [WHOLE, *(Cell(name, make, RATIO, "aware") for name, make in made.items())]


def snapkv(**options) -> Callable[[float], SnapKV]:
    return lambda ratio: SnapKV(ratio, **options)


def measure(model, sample, cells: list[Cell]) -> list[dict]:
    """One row for each cell on one sample: what share of the answer it gives, and of the bytes it holds."""
    read = prefill(model, sample.context)
    # One memory for all: wrappers take the scores that their inner press left there.
    asked = read.ask(sample.question).remember()
    rows, answers = [], []
    for cell in cells:
        cache = cell.cache(read if cell.mode == "blind" else asked)
        held = cache.bytes_ratio
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


def run(asked, model, tokenizer, text: str) -> list[dict]:
    """Rows of every cell on every sample, from the log where they are there."""
    parts = Parts("kv_ruler_tuning" if asked.tune else "kv_ruler", keep=not asked.fresh)
    known = (model_fingerprint(model), fingerprint(text), asked.samples)

    @cache
    def samples(task: str, tokens: int, seed: int) -> list:
        return make_samples(task, tokenizer, text, tokens=tokens, count=asked.samples, seed=seed)

    work = [
        (seed, number, tokens, task)
        for seed in ([TUNE_SEED] if asked.tune else asked.seeds)
        for number in range(asked.samples)
        for tokens in asked.tokens
        for task in asked.tasks
        if asked.tune or task not in HARD or not number
    ]
    rows = []
    for done, (seed, number, tokens, task) in enumerate(work, 1):
        cells = tuning_cells() if asked.tune else recorded_cells(task, number)
        title = f"{task}, {tokens} tokens, seed {seed}, sample {number}"
        about = (*known, [cell.key for cell in cells])
        if asked.finished and not parts.has(title, about):
            continue
        found = parts.row(
            title,
            about,
            lambda key=(task, tokens, seed), number=number, cells=cells: measure(model, samples(*key)[number], cells),
        )
        rows += [{"task": task, "tokens": tokens, "sample": (seed, number), **row} for row in found]
        right = ", ".join(f"{row['press']} {row['right']:.2f}" for row in found)
        say(f"{done} of {len(work)}: {title}: {right}")
    return rows


def summarise(rows: list[dict]) -> list[dict]:
    """One row for each number of tokens, press and storage: percent right by task, mean, and share of the whole.

    A share is against the whole cache on the same samples; the mean is over the tasks that presses were measured on.
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
        counted = {task: pairs for task, pairs in tasks.items() if task not in HARD}
        shares = {task: share_of_whole([pairs]) for task, pairs in sorted(counted.items()) if answerable(pairs)}
        summary.append(
            {
                "tokens": tokens,
                "press": press,
                "storage": storage,
                "mean": round(100 * fmean(fmean(right for right, _ in pairs) for pairs in counted.values()), 1),
                "of_whole": share_of_whole(list(counted.values())),
                "interval": bootstrap(list(counted.values())),
                "by_task": {
                    task: round(100 * fmean(right for right, _ in pairs), 1) for task, pairs in sorted(tasks.items())
                },
                "of_whole_by_task": shares,
                "bytes_ratio": round(fmean(row["bytes_ratio"] for row in own), 4),
                "samples": len(own),
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
    """The middle 95 percent of the share of the whole, in percent, over samples drawn again within each task."""
    rng = random.Random(0)
    shares = sorted(share_of_whole([rng.choices(pairs, k=len(pairs)) for pairs in tasks]) for _ in range(rounds))
    return [shares[round(rounds * 0.025)], shares[round(rounds * 0.975) - 1]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--tokens", type=int, nargs="+", default=[4096, 8192])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--samples", type=int, default=4, help="of each task, length and seed")
    parser.add_argument("--tasks", nargs="+", choices=sorted(TASKS), default=sorted(TASKS))
    parser.add_argument("--tune", action="store_true", help="the tuning half; records nothing")
    parser.add_argument("--finished", action="store_true", help="record what earlier runs finished, measure nothing")
    parser.add_argument("--fresh", action="store_true", help="throw away what an earlier run finished")
    asked = parser.parse_args()
    if TUNE_SEED in asked.seeds:
        parser.error(f"seed {TUNE_SEED} is the one of --tune")
    torch.set_num_threads(1)
    source = SHARED / "data" / "rag" / "wikitext2" / "valid.txt.gz"
    text = gzip.decompress(source.read_bytes()).decode()
    model, tokenizer = load_decoder(asked.model)
    rows = run(asked, model, tokenizer, halves(text)[0 if asked.tune else 1])
    summary = summarise(rows)
    for row in summary:
        say(f"{row['tokens']} {row['press']} {row['storage']}: {row['mean']}, {row['of_whole']} {row['by_task']}")
    if asked.tune:
        return
    figures = {
        "model": asked.model.name,
        "ratio": RATIO,
        "tokens": asked.tokens,
        "seeds": asked.seeds,
        "samples": asked.samples,
        "kernel": KERNEL,
        "hard": HARD,
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
