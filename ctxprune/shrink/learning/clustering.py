"""k-means by Lloyd's algorithm, with two ways to choose the first centres, and clusters of equal sizes."""

from itertools import pairwise

import torch

from ctxprune.shrink.types import Tensor


def k_means(points: Tensor, centres: Tensor, *, rounds: int = 20) -> Tensor:
    """The cluster of each point: int64 (points,), from 0 up.

    Args:
        points: (points, features).
        centres: The first ones, (clusters, features); not changed.
        rounds: At most.
    """
    centres = centres.clone()
    labels = torch.cdist(points, centres).argmin(1)
    for _ in range(rounds):
        for number in range(len(centres)):
            # a cluster without points keeps its centre: the mean of none is no number
            if bool((labels == number).any()):
                centres[number] = points[labels == number].mean(0)
        new = torch.cdist(points, centres).argmin(1)
        if torch.equal(new, labels):
            break
        labels = new
    return labels


def farthest_centres(points: Tensor, clusters: int, generator: torch.Generator) -> Tensor:
    """A random point, then always the point farthest from all centres; `clusters` is at most the number of points."""
    centres = points[torch.randint(len(points), (1,), generator=generator)]
    while len(centres) < clusters:
        # the farthest point next: two centres in one cluster would never part
        centres = torch.cat([centres, points[torch.cdist(points, centres).min(1).values.argmax()][None]])
    return centres


def sampled_centres(points: Tensor, clusters: int, generator: torch.Generator) -> Tensor:
    """A random point, then points drawn by their squared distance to the nearest centre.

    Arthur and Vassilvitskii, k-means++, SODA 2007. Fewer than `clusters` where there are fewer different points.
    """
    centres = points[torch.randint(len(points), (1,), generator=generator)]
    while len(centres) < min(clusters, len(points)):
        squares = torch.cdist(points, centres).min(1).values.square()
        if float(squares.sum()) <= 0:
            break
        centres = torch.cat([centres, points[torch.multinomial(squares, 1, generator=generator)]])
    return centres


def fill_clusters(distances: Tensor) -> Tensor:
    """Each point's cluster, of equal sizes (within one): int64 (points,).

    Args:
        distances: (points, clusters).
    """
    count, clusters = distances.shape
    edges = [round(number * count / clusters) for number in range(clusters + 1)]
    room = [end - start for start, end in pairwise(edges)]
    found = torch.zeros(count, dtype=torch.int64)
    # those that are surest of their cluster choose first; the last take what is left
    for place in distances.min(1).values.argsort(stable=True).tolist():
        cluster = next(entry for entry in distances[place].argsort(stable=True).tolist() if room[entry])
        found[place] = cluster
        room[cluster] -= 1
    return found
