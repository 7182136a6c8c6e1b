"""Accessibility of the pages that people look at, by axe-core in Chromium: contrast, labels, roles, order of headings.

    npm pack axe-core && tar xzf axe-core-*.tgz
    python benchmarks/report/accessibility.py package/axe.min.js

The explorer (empty, with a pruned text, with an answer, its reference), the report of each kind, the documentation's
home and a page of each of its sections: each in light, in dark and in a window of 400 pixels. Needs Chromium, the
extra `serve` and mkdocs (or --site with the built documentation); axe-core is not a dependency, and is not shipped.
Violations go to benchmarks/results/accessibility.json; the exit code is 1 where there are any.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.common.record import RESULTS, record
from benchmarks.report._pages import LOOKS, open_stage

if TYPE_CHECKING:
    from serve.page.browser import Page

# Everything that a test can be certain of; "best-practice" rules are opinions about structure, and are asked as well.
RUN = "axe.run(document, {resultTypes: ['violations']}).then(found => JSON.stringify(found.violations))"


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("axe", type=Path, help="axe.min.js of the package axe-core.")
    words.add_argument("--site", type=Path, help="The built documentation; without it mkdocs builds it.")
    words.add_argument("--only", default="", help="Only pages whose name begins so; the others stay as recorded.")
    given = words.parse_args()
    source = given.axe.read_text(encoding="utf-8")
    rows = []
    with open_stage(given.site, build=True) as stage:
        if stage.site is None:
            sys.exit("mkdocs is not installed, and --site names no built documentation: see `make docs`")
        for look, window in LOOKS.items():
            for name, page in stage.states(window, given.only):
                found = violations(page, source)
                rows.append({"page": name, "look": look, "violations": found})
                sys.stderr.write(f"{name}, {look}: {[one['rule'] for one in found] or 'nothing'}\n")
    if given.only:
        known = json.loads((RESULTS / "accessibility.json").read_text(encoding="utf-8"))["figures"]["pages"]
        fresh = {(row["page"], row["look"]): row for row in rows}
        rows = [fresh.get((row["page"], row["look"]), row) for row in known]
    total = sum(len(row["violations"]) for row in rows)
    version = source[:200].partition("axe v")[2].split()[0]
    fingerprint = hashlib.sha256(source.encode()).hexdigest()[:16]
    record("accessibility", {"axe": version, "violations": total, "pages": rows}, seed=None, data={"axe": fingerprint})
    return int(total > 0)


def violations(page: Page, source: str) -> list[dict[str, object]]:
    """One entry a rule that is violated: its name, how bad, and where."""
    page.js(source + "\n;0")
    return [
        {"rule": rule["id"], "impact": rule["impact"], "where": [node["target"] for node in rule["nodes"]][:5]}
        for rule in json.loads(page.js(RUN))
    ]


if __name__ == "__main__":
    raise SystemExit(main())
