"""Pictures of the explorer in Chromium, to look at: empty, text, SQL, error, narrow and dark.

    python benchmarks/report/page_shots.py --out DIR    # all of them, as long as each page is
    python benchmarks/report/page_shots.py              # the README's alone: benchmarks/results/page.png

Needs Chromium and the extra `serve`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from ctxprune.cli._demo_database import make_database

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))  # the servers and generators of the tests

from serve.page.browser import Browser, Page, chromium
from serve.page.conftest import service

ROOT = Path(__file__).resolve().parents[2]

CONFIGURATION = '[limits]\nseconds = 300\n[[databases]]\nname = "coffee"\npath = "coffee.sqlite"\n'
QUESTION = "Show the names of all suppliers from Ethiopia."
PRUNED = "!document.querySelector('#text-account').hidden"
ANSWERED = "document.querySelector('#ask-status').textContent.startsWith('Done') && document.querySelector('.diagram')"


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--out", type=Path)
    out = words.parse_args().out
    program = chromium()
    if program is None:
        sys.exit("Chromium is not installed: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        make_database(Path(folder, "coffee.sqlite"))
        with service(Path(folder), CONFIGURATION) as (address, process), Browser(program) as browser:
            page = browser.page()
            page.open(address)
            if out is None:
                ask(page)
                page.look(1180, 900)
                page.shoot(ROOT / "benchmarks" / "results" / "page.png", whole=False)
                return
            out.mkdir(parents=True, exist_ok=True)
            page.shoot(out / "empty.png")
            prune(page)
            page.shoot(out / "text.png")
            ask(page)
            page.shoot(out / "sql.png")
            page.look(380, 800)
            page.shoot(out / "narrow.png")
            page.look(dark=True)
            page.shoot(out / "dark.png")
            process.kill()
            process.wait()
            page.click("#ask-form .main")
            page.wait("document.querySelector('#ask-error [role=alert]')")
            page.look()
            page.shoot(out / "error.png")


def prune(page: Page) -> None:
    page.click("#text-example")
    page.click("#text-form .main")
    page.wait(PRUNED)


def ask(page: Page) -> None:
    page.click("#database-tab")
    page.fill("#ask-question", QUESTION)
    page.click("#ask-form .main")
    page.wait(ANSWERED)


if __name__ == "__main__":
    main()
