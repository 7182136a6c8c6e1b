"""Trains the network of triples.v1 on questions of Spider's train databases, whose rows are read as triples.

    python benchmarks/training/triple_weights.py [--hidden 16] [--epochs 12] [--members 3]

Writes ctxprune/scorers/structured/triple_parts/weights.json. Needs the extra `train`, and Spider beside the checkout.
Databases are split by the SHA-256 of their names: two in three are trained on, the others are left to
benchmarks/quality/graph.py (`is_held_out`). The hidden width, the epochs and the features were chosen on the trained
databases alone.

The loss of a question is the mean logistic loss of its needed edges, that of the others, and a soft margin between the
worst needed edge and the others, since an answer is lost with any of its edges. Of each question a share of the
features is left out at random (`DROP`), so that no single one decides. The mean of several networks is one network,
whose hidden units are theirs.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from benchmarks.common.parts import ticker
from benchmarks.common.record import SHARED
from benchmarks.quality._graph_sets import is_held_out, read_items
from ctxprune.models.network import Network
from ctxprune.rag.graph import Triples
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.scorers.structured import triple_parts
from ctxprune.scorers.structured.triple_parts.features import FEATURES, edge_features
from ctxprune.scorers.structured.triple_parts.index import TripleIndex
from ctxprune.scorers.structured.triple_parts.weights import FORMAT, VERSION
from ctxprune.storage.sealed import seal

SEED, DROP = 0, 0.15
TARGET = Path(triple_parts.__file__).with_name("weights.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hidden", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--members", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = SHARED / "data" / "nl2sql" / "spider"
    rows = json.loads((folder / "train_spider.json").read_text("utf-8"))
    items = read_items(folder / "database", [row for row in rows if not is_held_out(row["db_id"])], SEED)
    tick, examples = ticker("features"), []
    for done, item in enumerate(items, start=1):
        context = Triples(item.edges)
        words = LexicalScorer().score(item.question, context)
        needed = np.zeros(len(item.edges), dtype=bool)
        needed[item.needed] = True
        examples.append((edge_features(item.question, TripleIndex(context), words), needed))
        tick(done, len(items))
    members = [fit(examples, options.hidden, options.epochs, SEED + number) for number in range(options.members)]
    network = average(members)
    data = {"format": FORMAT, "version": VERSION, "features": list(FEATURES), "network": network.to_dict()}
    TARGET.write_text(seal(data, indent=1) + "\n", encoding="utf-8")


def average(members: list[Network]) -> Network:
    """One network whose logit is the mean of theirs."""
    return Network(
        members[0].mean,
        members[0].scale,
        np.concatenate([one.hidden for one in members], axis=1),
        np.concatenate([one.hidden_bias for one in members]),
        np.concatenate([one.out for one in members]) / len(members),
        float(np.mean([one.bias for one in members])),
    )


def fit(rows, hidden: int, epochs: int, seed: int) -> Network:
    """The network of least loss; `rows` are the features (n_edges, n_features) of each question, and which edges are
    needed, bool (n_edges,)."""
    torch.manual_seed(seed)
    every = np.concatenate([features for features, _ in rows])
    mean, scale = every.mean(axis=0), every.std(axis=0) + 1e-3
    data = [
        (torch.tensor((features - mean) / scale, dtype=torch.float32).clamp(-8, 8), torch.tensor(needed))
        for features, needed in rows
        if not needed.all()
    ]
    width = every.shape[1]
    net = torch.nn.Sequential(torch.nn.Linear(width, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 1))
    optimizer = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    order, tick = np.random.default_rng(seed), ticker(f"epochs of {seed}")
    for epoch in range(epochs):
        for place in order.permutation(len(data)):
            features, needed = data[place]
            seen = features * (torch.rand(width) > DROP)
            loss = question_loss(net(seen)[:, 0], needed)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
        tick(epoch + 1, epochs)
    first, last = (
        [parameter.detach().numpy().astype(np.float64) for parameter in net[at].parameters()] for at in (0, 2)
    )
    return Network(mean, scale, first[0].T, first[1], last[0][0], float(last[1][0]))


def question_loss(logits: torch.Tensor, needed: torch.Tensor) -> torch.Tensor:
    softplus = torch.nn.functional.softplus
    others = logits[~needed]
    margin = others.logsumexp(0) - float(np.log(len(others))) - logits[needed].min()
    return softplus(-logits[needed]).mean() + softplus(others).mean() + softplus(margin)


if __name__ == "__main__":
    main()
