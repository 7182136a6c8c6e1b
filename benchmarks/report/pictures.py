"""Pictures of the pages that people look at, in Chromium: explorer, reports, documentation.

    python benchmarks/report/pictures.py               # those that the documentation shows: docs/pictures/
    python benchmarks/report/pictures.py --out DIR     # every page in light, dark and 400 pixels, as long as it is

Needs Chromium and the extra `serve`; pages of the documentation are there where `mkdocs` is installed or
--site names the built one.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.report._pages import LOOKS, open_stage

MOST = 6000  # pixels of a page's length that are looked at


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--out", type=Path, help="A folder for pictures of everything.")
    words.add_argument("--site", type=Path, help="The built documentation.")
    words.add_argument("--only", default="", help="Only pages whose name has this.")
    given = words.parse_args()
    with open_stage(given.site) as stage:
        given.out.mkdir(parents=True, exist_ok=True)
        for name, look in LOOKS.items():
            for title, page in stage.states(look, given.only):
                page.shoot(given.out / f"{title.replace(', ', '-').replace(' ', '_')}.{name}.png")
                sys.stderr.write(f"{title}, {name}\n")


if __name__ == "__main__":
    main()
