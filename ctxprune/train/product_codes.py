"""Word embeddings by product quantisation: every three numbers of a row are one of 256 code vectors, 2.7 bits a number.

Each group of three columns has its own code vectors, found by k-means (Jégou, Douze and Schmid, Product quantization
for nearest neighbor search, PAMI 2011). A table that was rounded so has the same codes again, without any search.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ctxprune.errors import UsageError

__all__ = ["ProductCodes", "product_codes", "round_to_product_codes"]

SIZE = 3
"""Numbers of a code vector."""
CODES = 256  # a code is one byte
_LARGEST = 65504  # of float16
_ROUNDS = 10
_MIXERS = (1_000_003, 998_244_353, 2_147_483_647)  # odd, and far from one another
_SAMPLE = 6000  # rows that the search reads; all get the nearest code


@dataclass(frozen=True, slots=True)
class ProductCodes:
    """A table as codes.

    Attributes:
        codes: uint8 (rows, groups).
        vectors: float16 (groups, 256, 3).
        width: Numbers of a row; the last group's other numbers are padding.
    """

    codes: Tensor
    vectors: Tensor
    width: int

    def table(self) -> Tensor:
        """What the codes stand for: float32 (rows, width)."""
        groups = torch.arange(self.vectors.shape[0])
        return self.vectors[groups, self.codes.long()].float().flatten(1)[:, : self.width]


def product_codes(table: Tensor, counts: Tensor | None = None, *, seed: int = 0) -> ProductCodes:
    """The table, float32 (rows, width), as codes whose vectors are near to its rows.

    Args:
        table: Any number of rows, none included.
        counts: float32 (rows,): how often each row is read; a row counts by the root of it. Default: all the same.
        seed: Of the rows that the search begins with.

    Raises:
        UsageError: A number of the table is not finite, or beyond what float16 holds.
    """
    if not bool((table.abs() <= _LARGEST).all()):  # not-a-number compares as false
        raise UsageError("the table has numbers that float16 does not hold", hint=f"give -{_LARGEST} to {_LARGEST}")
    generator = torch.Generator().manual_seed(seed)
    padded = functional.pad(table.float(), (0, -table.shape[1] % SIZE))
    groups = padded.reshape(len(table), padded.shape[1] // SIZE, SIZE).transpose(0, 1)
    # by the root of the counts: with the counts themselves most vectors would go to a few hundred words
    weights = torch.ones(len(table)) if counts is None else (counts.float() + 1).sqrt()
    sample = torch.zeros(0, dtype=torch.long)
    if len(table):  # with replacement: a row that is read often stands in the sample several times
        sample = torch.multinomial(weights, _SAMPLE, replacement=True, generator=generator)
    found = [_group_codes(rows, sample, generator) for rows in groups]
    return ProductCodes(
        torch.stack([codes for codes, _ in found], dim=1).to(torch.uint8),
        torch.stack([vectors for _, vectors in found]),
        table.shape[1],
    )


def round_to_product_codes(table: Tensor, counts: Tensor | None = None, *, seed: int = 0) -> Tensor:
    """The table rounded to what its codes stand for, float32; arguments and errors as `product_codes`."""
    return product_codes(table, counts, seed=seed).table()


def _group_codes(rows: Tensor, sample: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Codes (rows,) and float16 vectors (256, size) of one group of columns."""
    exact = _few_rows(rows)
    if exact is not None:  # so that a table which was rounded before keeps its values
        return exact
    read = rows[sample]
    vectors = read[torch.randperm(len(read), generator=generator)[:CODES]].clone()
    for _ in range(_ROUNDS):
        nearest = _nearest(read, vectors)
        sizes = torch.bincount(nearest, minlength=len(vectors)).float()
        sums = torch.zeros_like(vectors).index_add_(0, nearest, read)
        spare = read[torch.randperm(len(read), generator=generator)[: len(vectors)]]
        # a vector that no row is nearest to begins anew at a row
        vectors = torch.where(sizes[:, None] > 0, sums / sizes.clamp(min=1)[:, None], spare)
    halved = vectors.half()
    return _nearest(rows, halved.float()), functional.pad(halved, (0, 0, 0, CODES - len(halved)))


def _few_rows(rows: Tensor) -> tuple[Tensor, Tensor] | None:
    """Codes and vectors that are the rows themselves, where at most 256 differ and float16 holds them."""
    # one number for a row: `unique` over rows takes a hundred times as long as over numbers
    keys = (rows.contiguous().view(torch.int32).long() * torch.tensor(_MIXERS)).sum(dim=1)
    found, codes = keys.unique(return_inverse=True)
    if len(found) > CODES:
        return None
    own = torch.zeros(len(found), SIZE)
    own[codes] = rows
    # two rows of one key, or a number that float16 does not hold
    if not torch.equal(own.half().float()[codes], rows):
        return None
    return codes, functional.pad(own, (0, 0, 0, CODES - len(own))).half()


def _nearest(rows: Tensor, vectors: Tensor) -> Tensor:
    """Number of the nearest vector of each row, int64 (rows,)."""
    return torch.addmm(vectors.square().sum(dim=1), rows, vectors.T, alpha=-2).argmin(dim=1)
