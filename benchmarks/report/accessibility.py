"""Accessibility of the pages that people look at, by axe-core in Chromium: contrast, labels, roles, order of headings.

    npm pack axe-core && tar xzf axe-core-*.tgz
    python benchmarks/report/accessibility.py package/axe.min.js

The explorer (empty, with a pruned text, with an answer) and the reports of `prune` and `sql link`, each in
light, in dark and in a window of 400 pixels. Needs Chromium and the extra `serve`; axe-core is not a dependency, and
is not shipped. Violations go to benchmarks/results/accessibility.json; the exit code is 1 where there are any.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from serve.page.browser import Browser, Page, chromium
from serve.page.conftest import service

from benchmarks.common.record import record
from benchmarks.report.page_shots import CONFIGURATION, QUESTION, ask, prune
from ctxprune.cli import main as command
from ctxprune.cli._demo_database import make_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Everything that a test can be certain of; "best-practice" rules are opinions about structure, and are asked as well.
RUN = "axe.run(document, {resultTypes: ['violations']}).then(found => JSON.stringify(found.violations))"
LOOKS = {"light": (1280, 900, False), "dark": (1280, 900, True), "narrow": (400, 900, False)}
TEXT = "The bridge is long. It opened in 1933. Cats sleep. The ferry runs until ten."


def main() -> int:
    source = Path(sys.argv[1]).read_text(encoding="utf-8")
    program = chromium()
    if program is None:
        sys.exit("Chromium is not installed: apt-get install chromium")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        make_database(Path(folder, "coffee.sqlite"))
        reports = write_reports(Path(folder))
        with service(Path(folder), CONFIGURATION) as (address, _), Browser(program) as browser:
            for look, (width, height, dark) in LOOKS.items():
                for name, page in pages(browser, address, reports, (width, height, dark)):
                    found = violations(page, source)
                    rows.append({"page": name, "look": look, "violations": found})
                    sys.stderr.write(f"{name}, {look}: {len(found)} kinds of violations\n")
    version = source[:200].partition("axe v")[2].split()[0]
    fingerprint = hashlib.sha256(source.encode()).hexdigest()[:16]
    total = sum(len(row["violations"]) for row in rows)
    record("accessibility", {"axe": version, "violations": total, "pages": rows}, seed=None, data={"axe": fingerprint})
    return int(total > 0)


def write_reports(folder: Path) -> list[Path]:
    """HTML reports as the command line writes them."""
    text, data = folder / "text.txt", folder / "coffee.sqlite"
    text.write_text(TEXT, encoding="utf-8")
    asked: dict[str, list[str]] = {
        "prune": ["prune", str(text), "-q", "When did it open?", "--budget", "12"],
        "link": ["sql", "link", str(data), QUESTION],
    }
    for name, words in asked.items():
        if command([*words, "--html", str(folder / f"{name}.html")]):
            raise SystemExit(f"ctxprune {' '.join(words)} failed")
    return [folder / f"{name}.html" for name in asked]


def pages(
    browser: Browser, address: str, reports: list[Path], look: tuple[int, int, bool]
) -> Iterator[tuple[str, Page]]:
    """Each page in the state that is to be looked at; a page goes on from one state to the next."""
    width, height, dark = look
    page = browser.page(width=width, height=height, dark=dark)
    page.open(address)
    yield "explorer, empty", page
    steps: dict[str, Callable[[Page], None]] = {"text": prune, "answer": ask}
    for name, step in steps.items():
        step(page)
        yield f"explorer, {name}", page
    for path in reports:
        page = browser.page(width=width, height=height, dark=dark)
        page.open(path.as_uri())
        yield f"report of {path.stem}", page


def violations(page: Page, source: str) -> list[dict[str, object]]:
    """One entry a rule that is violated: its name, how bad, and where."""
    page.js(source + "\n;0")
    return [
        {"rule": rule["id"], "impact": rule["impact"], "where": [node["target"] for node in rule["nodes"]][:5]}
        for rule in json.loads(page.js(RUN))
    ]


if __name__ == "__main__":
    raise SystemExit(main())
