"""How many steps drafts in the form of a tree could save, without a verifier of trees: played on recorded answers.

    python benchmarks/studies/draft_trees.py MODEL.gguf

Writes benchmarks/results/draft_trees.json. The answers are those of benchmarks/results/kv_drafts.json (greedy, 21
prompts that ask for copies); MODEL.gguf is read for its tokenizer alone. At each step the text so far is looked up in
the passages, the prompt and itself. A chain is the draft that `Drafts` proposes, with its own lengths. A tree merges
the `k` best continuations (longest matching n-gram first, then the nearest to the last accepted place) into a trie, and
keeps the `n` nodes that come first in order of rank and depth (after Quan et al., "RASD: Retrieval-Augmented
Speculative Decoding", 2025, without its draft model); a step accepts the longest path that the answer follows, and one
token of the model's own. "bound" is a tree of all continuations of all n-grams from one token on, of any size: no tree
from these texts saves more. "one_path" is a tree of the best continuation alone, of `n` tokens at most: what a tree
adds to it is what other paths are worth; what it adds to the chain is the worth of longer drafts. "read" are the tokens
that the model reads in a step, drafts included, on average. "chain_of_N_or_more" are chains with `least=N`.

`k` and `n` are chosen on the prompts of even rounds (a round is one prompt of each kind), and figures are those of the
odd ones. Of several equally good sizes the smallest tree is taken.
"""

from __future__ import annotations

import argparse
import json
from itertools import product
from pathlib import Path

from transformers import AutoTokenizer

from benchmarks.common.kv_coder import HEAD, TAIL
from benchmarks.common.parts import fingerprint
from benchmarks.common.record import RESULTS, record
from benchmarks.quality.kv_drafts import SYSTEM, TOKENS, tasks
from ctxprune.kv import DraftIndex
from ctxprune.kv.drafts.drafts import _Proposer

LONGEST, DEPTH = 6, 40
LEAST = 4, 8, 16, DEPTH  # the first is the default
PATHS, NODES = (1, 2, 3, 4, 8), (16, 32, 64, 128)


def play_chain(texts: list[list[int]], prompt: list[int], said: list[int], least: int) -> list[int]:
    """Tokens read in each step, with the drafts of `Drafts`."""
    guess, done, steps = _Proposer(DraftIndex(texts), prompt, DEPTH, least), 0, []
    while done < len(said):
        # As `Drafts` does: the first call reads the end of the prompt alone.
        draft = guess.draft(TOKENS - done - 1) if done else []
        right = _agreement(draft, said[done:])
        taken = said[done : done + right + 1]
        guess.learn(taken, len(draft), right)
        done, steps = done + len(taken), [*steps, 1 + len(draft)]
    return steps


def play_tree(
    texts: list[list[int]], prompt: list[int], said: list[int], paths: int | None, nodes: int | None
) -> list[int]:
    """Tokens read in each step, with trees of `nodes` nodes from the best `paths` continuations; None: of any size."""
    done, steps, near = 0, [], -1
    while done < len(said):
        sources = [*texts, prompt + said[:done]]
        found = _continuations(sources, prompt + said[:done], near)
        tree = _merge(found[:paths], nodes) if done else {}
        right, near = _follow(tree, said[done : TOKENS - 1])
        done, steps = done + right + 1, [*steps, 1 + len(tree)]
    return steps


def _continuations(sources: list[list[int]], ended: list[int], near: int) -> list[tuple[int, list[int]]]:
    """Where each continuation of an n-gram that `ended` ends with begins, and its tokens, the best first."""
    found, start = [], 0
    for source in sources:
        for at in range(1, len(source)):
            length = 0
            while length < min(LONGEST, at, len(ended)) and source[at - 1 - length] == ended[-1 - length]:
                length += 1
            if length:
                place = start + at
                distance = abs(place - near) if near >= 0 else place
                found.append((-length, distance, place, source[at : at + DEPTH]))
        start += len(source) + 1
    return [(place, tokens) for _, _, place, tokens in sorted(found, key=lambda each: each[:3])]


def _merge(found: list[tuple[int, list[int]]], nodes: int | None) -> dict[tuple[int, ...], int]:
    """The tree: the place behind each of its paths from the root, by path. A rank lower costs as much as four tokens
    deeper."""
    order = sorted(
        (4 * rank + depth, rank, depth) for rank, (_, tokens) in enumerate(found) for depth in range(1, len(tokens) + 1)
    )
    tree: dict[tuple[int, ...], int] = {}
    for _, rank, depth in order:
        place, tokens = found[rank]
        path = tuple(tokens[:depth])
        # Its parent may have been cut off.
        if path not in tree and (nodes is None or len(tree) < nodes) and (depth == 1 or path[:-1] in tree):
            tree[path] = place + depth
    return tree


def _follow(tree: dict[tuple[int, ...], int], following: list[int]) -> tuple[int, int]:
    """How many of the following tokens stand on a path of the tree, and the place behind the last of them."""
    depth = 0
    while depth < len(following) and tuple(following[: depth + 1]) in tree:
        depth += 1
    return depth, tree.get(tuple(following[:depth]), -1)


def _agreement(draft: list[int], following: list[int]) -> int:
    count = 0
    while count < min(len(draft), len(following)) and draft[count] == following[count]:
        count += 1
    return count


def saved(steps: list[list[int]], answers: list[list[int]]) -> dict[str, float]:
    """Steps saved in percent, and tokens read in a step."""
    count = sum(map(len, steps))
    return {
        "saved": round(100 * (1 - count / sum(map(len, answers))), 1),
        "read": round(sum(map(sum, steps)) / count, 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    options = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(options.model.parent, gguf_file=options.model.name)

    def ids(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    rows = json.loads((RESULTS / "kv_drafts.json").read_text(encoding="utf-8"))["figures"]["rows"]
    chosen = tasks(len(rows))
    played = []
    for task, row in zip(chosen, rows, strict=True):
        text = HEAD.format(SYSTEM) + "".join(f"Passage: {each}\n\n" for each in task["texts"])
        said = ids(row["said"])[:TOKENS]
        # The record holds no special tokens: the end of an answer that ended by itself is put back.
        said = said if len(said) == TOKENS else [*said, tokenizer.eos_token_id]
        played.append(([ids(each) for each in task["texts"]], ids(text + TAIL.format(task["ask"])), said))
    tuning = [each for number, each in enumerate(played) if number // 3 % 2 == 0]
    held_out = [each for number, each in enumerate(played) if number // 3 % 2 == 1]

    def figure(group: list, play, *sizes: int | None) -> dict[str, float]:
        return saved([play(*each, *sizes) for each in group], [said for _, _, said in group])

    tried = {sizes: figure(tuning, play_tree, *sizes) for sizes in product(PATHS, NODES)}
    best = max(tried, key=lambda sizes: (tried[sizes]["saved"], -sizes[1], -sizes[0]))
    figures = {
        "prompts": {"tuning": len(tuning), "held_out": len(held_out)},
        "paths": best[0],
        "nodes": best[1],
        "played": {
            name: {
                "chain": figure(group, play_chain, LEAST[0]),
                **{f"chain_of_{least}_or_more": figure(group, play_chain, least) for least in LEAST[1:]},
                "tree": figure(group, play_tree, *best),
                "one_path": figure(group, play_tree, 1, best[1]),
                "bound": figure(group, play_tree, None, None),
            }
            for name, group in (("tuning", tuning), ("held_out", held_out), ("all", played))
        },
        "tuning": [{"paths": paths, "nodes": nodes, **value} for (paths, nodes), value in tried.items()],
        "chain_steps_as_recorded": sum(
            len(play_chain(*each, LEAST[0])) == row["drafts"]["steps"] for each, row in zip(played, rows, strict=True)
        ),
    }
    record("draft_trees", figures, seed=None, data={"prompts": fingerprint(chosen), "answers": fingerprint(rows)})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
