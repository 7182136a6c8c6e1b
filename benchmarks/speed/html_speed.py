"""Speed of reading HTML pages, compared with selectolax on the same pages.

    python benchmarks/speed/html_speed.py [--pages DIR]

Writes benchmarks/results/html_speed.json. Pages are those of wtq_html; each figure is the best of seven runs over all
of them, on one thread, in megabytes of source a second of the process. "selectolax" parses and visits each node,
nothing else; "tree" parses, cleans and builds the tree of boxes; "blocks" also groups these by kind and size; "units"
also makes texts and spans; "rendered" also renders the whole page. "share_of_selectolax" is the speed of "blocks" over
that of "selectolax". Seconds for texts of 50 MB without a line end, and to import each parser, are recorded too.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser

from benchmarks.common.record import SHARED, record
from ctxprune.rag import HtmlPage
from ctxprune.storage.json_lines import read_rows

RUNS = 7
LINES = {"text": "Words and more of them. ", "paragraphs": "<p>Words and <b>more</b> of them.</p>"}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pages", type=Path, default=SHARED / "data" / "rag" / "wtq_html")
    pages = [row["html"] for row in read_rows(parser.parse_args().pages / "dev_pages.jsonl.gz")]
    megabytes = sum(len(page.encode()) for page in pages) / 1e6
    seconds = dict.fromkeys(STEPS, float("inf"))
    for _ in range(RUNS):
        for name, step in STEPS.items():
            start = time.process_time()  # of the process: other programs of the machine do not count
            for page in pages:
                step(page)
            seconds[name] = min(seconds[name], time.process_time() - start)
    figures = {
        "pages": len(pages),
        "megabytes": round(megabytes, 2),
        "mb_per_s": {name: round(megabytes / spent, 1) for name, spent in seconds.items()},
        "share_of_selectolax": round(seconds["selectolax"] / seconds["blocks"], 3),
        "one_line_seconds": {name: time_one_line(line) for name, line in LINES.items()},
        "import_seconds": {name: time_import(name) for name in ("turbohtml", "selectolax.lexbor")},
    }
    record("html_speed", figures, seed=None, data={"wtq_html": "dev_pages.jsonl.gz"})


def traverse(page):
    for _ in LexborHTMLParser(page).root.traverse(include_text=True):
        pass


def render(page):
    read = HtmlPage(page)
    read.render(range(len(read.units)))


STEPS = {
    "selectolax": traverse,
    "tree": lambda page: HtmlPage(page).tree,
    "blocks": lambda page: HtmlPage(page).groups,
    "units": lambda page: HtmlPage(page).units,
    "rendered": render,
}


def time_one_line(line):
    """Seconds to read a text of 50 MB in one line up to its units."""
    start = time.process_time()
    _ = HtmlPage(line * (50_000_000 // len(line))).units
    return round(time.process_time() - start, 2)


def time_import(name):
    """Seconds to import a module, the least of five fresh processes."""
    code = f"import time; start = time.perf_counter(); import {name}; print(time.perf_counter() - start)"
    runs = (subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True) for _ in range(5))
    return round(min(float(run.stdout) for run in runs), 4)


if __name__ == "__main__":
    main()
