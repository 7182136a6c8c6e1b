"""The pruner's network, tiny and random, and windows for it."""

from __future__ import annotations

import torch
from shrink.models import VOCABULARY, spread

from ctxprune.train.pruner_network import EncoderShape, PrunerNetwork


def pruner() -> torch.nn.Module:
    torch.manual_seed(0)
    sizes = {"vocabulary": VOCABULARY, "positions": 32, "width": 32}
    return spread(PrunerNetwork(EncoderShape.uniform(layers=3, heads=4, inner=48, **sizes)), 4.0)


def pruner_batches(count: int, *, rows: int = 2, tokens: int = 16) -> list[dict]:
    """Windows of a question of four tokens and units of three; each window is an example."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for _ in range(count):
        mask = torch.ones(rows, tokens, dtype=torch.long)
        mask[-1, 13:] = 0
        places = torch.arange(tokens)
        unit = torch.where((places >= 4) & (mask > 0), (places - 4) // 3, -1)
        unit = torch.where(unit >= 0, unit + 4 * torch.arange(rows)[:, None], -1)
        units = torch.arange(4 * (rows - 1) + 3)
        document = torch.where(unit >= 0, unit // 2, -1)
        documents = torch.arange(int(document.max()) + 1)
        found.append(
            {
                "input_ids": torch.randint(5, VOCABULARY, (rows, tokens), generator=generator) * mask,
                "token_type_ids": (places >= 4).long().expand(rows, -1) * mask,
                "attention_mask": mask,
                "unit": unit,
                "document": document,
                "unit_labels": (units % 3 == 0).float(),
                "unit_groups": units // 4,
                "document_labels": (documents % 2 == 0).float(),
                "document_groups": documents // 2,
            }
        )
    return found
