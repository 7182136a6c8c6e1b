"""A Parquet corpus pruned by several workers; a second run does only what is missing.

pip install 'ctxprune-middleware[ray]'
python examples/ray_job.py
"""

import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import ray

from ctxprune.integrations.parquet import PruneRows, prune_parquet
from ctxprune.integrations.ray import RayPool


def main() -> None:
    """Twenty passages, one question for all."""
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    with tempfile.TemporaryDirectory() as folder:
        corpus, pruned = Path(folder, "corpus"), Path(folder, "pruned")
        corpus.mkdir()
        texts = [f"Bridge {number} is long. It opened in {1900 + number}. Cats sleep." for number in range(20)]
        pq.write_table(pa.table({"id": range(20), "text": texts}), corpus / "part.parquet")
        print(prune_parquet(corpus, pruned, PruneRows(query="When did the bridge open?"), run=RayPool(2)))
        print(pq.read_table(pruned).to_pylist()[0])
    ray.shutdown()


if __name__ == "__main__":
    main()
