"""Ray Data runs the same functions in many processes, on one machine or on many.

    ray.init()                                                          # yours to start, with the settings you like
    prune_parquet("corpus", "pruned", PruneRows(query="…"), run=RayPool(8))
    index_databases({"shop": "shop.sqlite"}, "indexes", run=RayPool(8))

Ray restarts a worker that was killed, and gives it the same partitions.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ctxprune.errors import CtxpruneError, UsageError
from ctxprune.utils.extras import require
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ray = require("ray", "ray")
data = require("ray.data", "ray")
pickle = require("ray.cloudpickle", "ray")

__all__ = ["RayPool"]

T = TypeVar("T")
R = TypeVar("R")
_ONE_THREAD = {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}  # Ray itself sees to OMP_NUM_THREADS


@dataclass(frozen=True)
class RayPool:
    """Calls a function with each item in so many worker processes; results come in any order.

    A worker takes one CPU of the cluster and keeps to one thread; the function is sent to it once, and with the bundled
    scorer it loads the model once. An item whose worker died is done again, as often as that happens.

    Attributes:
        workers: How many, from 1 up.

    Raises:
        UsageError: workers is under 1; when called: Ray was not started.
    """

    workers: int

    def __post_init__(self) -> None:
        check_whole("workers", self.workers)

    def __call__(self, function: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        """The results of a function that can be pickled, as can its items and results.

        Its errors of ctxprune come as they are, others as those of Ray (`ray.exceptions.RayTaskError`).
        """
        if not ray.is_initialized():
            raise UsageError("Ray was not started", hint="call ray.init() first")
        if not items:
            return
        pool = data.ActorPoolStrategy(size=min(self.workers, len(items)))
        # One item a batch: a lost worker repeats one item, not several.
        done = data.from_items([{"item": pickle.dumps(item)} for item in items]).map_batches(
            _Worker, fn_constructor_args=[function], batch_size=1, compute=pool, num_cpus=1
        )
        for row in done.iter_rows():
            result = pickle.loads(row["result"])
            if isinstance(result, CtxpruneError):
                raise result
            yield result


class _Worker:
    """One process: what is loaded by the first item serves all others."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        # Before anything is loaded: these libraries read the variables once.
        os.environ.update(_ONE_THREAD)
        self._function = function

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[bytes]]:
        return {"result": [pickle.dumps(self._result(pickle.loads(item))) for item in batch["item"]]}

    def _result(self, item: Any) -> Any:
        try:
            return self._function(item)
        except CtxpruneError as error:  # raised here, it would reach the caller as an error of Ray
            return error
