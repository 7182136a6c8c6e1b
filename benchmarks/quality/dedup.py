"""Near-duplicates planted among real texts: ours, and datasketch's MinHashLSH in the same run.

    python benchmarks/quality/dedup.py [--keep FOLDER]

Writes benchmarks/results/dedup.json. The texts are public and come with packages that are installed anyway, nothing is
downloaded: Python's own documentation (`pydoc_data.topics`, PSF-2.0), the docstrings of NumPy and SciPy (BSD-3-Clause),
the descriptions of the installed packages (each under its package's licence, recorded beside the figures). `--keep`
leaves them in a folder, one each, for `ctxprune bench dedup --data FOLDER/python_docs`.

The peer is used as its documentation shows: 128 permutations, threshold 0.8, the same shingles, a text that the index
finds is merged into the first one found. It reports candidates, so that some of its merges are below the threshold.
"""

from __future__ import annotations

import argparse
import ast
import importlib.metadata
import importlib.util
import json
import sys
import tempfile
import time
from pathlib import Path

from datasketch import MinHash, MinHashLSH

from benchmarks.common.record import record
from ctxprune.rag.evaluation.dedup import find_true_merges, measure, plant, read_texts
from ctxprune.text.words import words

SEED = 0
BAR = 0.8


def python_docs():
    from pydoc_data import topics

    return sorted(topics.topics.values()), {"python": "PSF-2.0"}


def docstrings():
    texts, versions = [], {}
    for package in ("numpy", "scipy"):
        versions[f"{package} {importlib.metadata.version(package)}"] = "BSD-3-Clause"
        for path in sorted(Path(importlib.util.find_spec(package).origin).parent.rglob("*.py")):
            if "tests" not in path.parts:
                texts += documented(path)
    return texts, versions


def documented(path):
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = (ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, kinds))
    return [text for text in found if text and len(text.split()) >= 60]


def descriptions():
    texts, licences = [], {}
    for one in sorted(importlib.metadata.distributions(), key=lambda one: one.metadata["Name"].lower()):
        text = one.metadata.get_payload()
        if isinstance(text, str) and len(text.split()) >= 60 and not one.metadata["Name"].startswith("ctxprune"):
            texts.append(text)
            classified = [
                line.rpartition(" :: ")[2] for line in one.metadata.get_all("Classifier", []) if "License" in line
            ]
            licence = one.metadata.get("License-Expression") or ", ".join(classified)
            licences[f"{one.metadata['Name']} {one.version}"] = licence or "see the package"
    return texts, licences


SETS = {"python_docs": python_docs, "docstrings": docstrings, "descriptions": descriptions}


def datasketch(texts):
    """The same question put to MinHashLSH."""
    everything, planted = plant(texts, seed=SEED)
    start = time.perf_counter()
    index, merges = MinHashLSH(threshold=BAR, num_perm=128), {}
    for place, text in enumerate(everything):
        sketch = MinHash(num_perm=128)
        sketch.update_batch([shingle.encode("utf-8", "surrogatepass") for shingle in shingles(text)])
        found = index.query(sketch)
        if found:
            merges[place] = min(found)
        else:
            index.insert(place, sketch)
    seconds = time.perf_counter() - start
    sets = [frozenset(shingles(text)) for text in everything]
    due = [one for one in planted if one.kind != "part" and one.similarity >= BAR]
    false = sum(jaccard(sets[one], sets[other]) < BAR for one, other in merges.items())
    return {
        "found_percent": round(100 * sum(one.copy in merges or one.source in merges for one in due) / len(due), 3),
        "merges": len(merges),
        "missed": len(find_true_merges(sets, BAR).keys() - merges.keys()),
        "false_merges": false,
        "false_merges_percent": round(100 * false / len(merges), 3),
        "texts_per_second": round(len(everything) / seconds),
    }


def shingles(text):
    found = words(text)
    return {" ".join(found[i : i + 3]) for i in range(max(len(found) - 2, 1))}


def jaccard(one, other):
    return len(one & other) / len(one | other)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--keep", type=Path)
    keep = parser.parse_args().keep
    figures, data = {}, {}
    with tempfile.TemporaryDirectory() as temporary:
        for name, make in SETS.items():
            folder = (keep or Path(temporary)) / name
            folder.mkdir(parents=True, exist_ok=True)
            texts, licences = make()
            lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
            (folder / "texts.jsonl").write_text(lines, encoding="utf-8")
            data[name] = ", ".join(f"{package} ({licence})" for package, licence in licences.items())
            for unit in ("passages", "pages"):
                read = read_texts(folder, pages=unit == "pages")
                figures[f"{name}, {unit}"] = {
                    "ctxprune": measure(read, similarity=BAR, seed=SEED).to_dict(),
                    "datasketch": datasketch(read),
                }
                sys.stderr.write(f"{name}, {unit}: {json.dumps(figures[f'{name}, {unit}'])}\n")
    record("dedup", figures, seed=SEED, data=data)


if __name__ == "__main__":
    main()
