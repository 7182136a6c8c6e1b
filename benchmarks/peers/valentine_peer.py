"""Valentine's matchers on pairs of tables, in an environment of their own: `pip install valentine`.

    PEER_PYTHON benchmarks/peers/valentine_peer.py < pairs.jsonl > ranked.jsonl

Reads one pair a line, {"name", "table", "left": [header, rows], "right": …}, and writes for each matcher a line
{"name", "matcher", "ranked": [[left, right, score], …], "seconds", "error"}. Matchers run with their defaults; of the
schema-only ones Cupid and Similarity Flooding see no values. A pair that takes a matcher over `LIMIT` seconds counts as
nothing found, and says so.
"""

from __future__ import annotations

import contextlib
import io
import json
import signal
import sys
import time
import warnings

LIMIT = 60


def matchers():
    from valentine import algorithms

    wanted = {
        "COMA (names)": ("Coma", {}), "COMA (names and values)": ("Coma", {"use_instances": True}),
        "Cupid": ("Cupid", {}), "Distribution-based": ("DistributionBased", {}),
        "Jaccard distance": ("JaccardDistanceMatcher", {}), "Similarity Flooding": ("SimilarityFlooding", {}),
    }  # fmt: skip
    for name, (kind, options) in wanted.items():
        yield name, getattr(algorithms, kind)(**options)


def stop(*_):
    raise TimeoutError(f"over {LIMIT} s")


def main():
    import pandas as pd
    from valentine import valentine_match

    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, stop)
    known = list(matchers())
    for line in sys.stdin:
        pair = json.loads(line)
        frames = [pd.DataFrame(rows, columns=header) for header, rows in (pair["left"], pair["right"])]
        for name, matcher in known:
            ranked, error = [], ""
            begin = time.perf_counter()
            signal.alarm(LIMIT)
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    ranked = rank(valentine_match(frames, matcher, df_names=[pair["table"], pair["table"] + " 2"]))
            except Exception as problem:  # noqa: BLE001  (whatever a peer raises is its result)
                error = f"{type(problem).__name__}: {problem}"[:200]
            signal.alarm(0)
            seconds = round(time.perf_counter() - begin, 4)
            out = {"name": pair["name"], "matcher": name, "ranked": ranked, "seconds": seconds, "error": error}
            sys.stdout.write(json.dumps(out) + "\n")
            sys.stdout.flush()


def rank(found):
    """Pairs of column names, best first."""
    rows = [[pair.source_column, pair.target_column, float(score)] for pair, score in found.items()]
    return sorted(rows, key=lambda row: -row[2])


if __name__ == "__main__":
    main()
