"""Pictures of the pages that people look at, in Chromium: explorer, reports, documentation.

    python benchmarks/report/pictures.py               # those that the documentation shows: docs/pictures/
    python benchmarks/report/pictures.py --out DIR     # every page in light, dark and 400 pixels, as long as it is

Needs Chromium and the extra `serve`; pages of the documentation are there where `mkdocs` is installed or
--site names the built one. The letters are those of the machine that takes the pictures.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.report._pages import LOOKS, ROOT, Look, Stage, open_stage

PICTURES = ROOT / "docs" / "pictures"
SHOWN = {  # by the name of the page: name of the file, and the window in pixels
    "explorer, text": ("explorer", Look(1080, 640)),
    "explorer, answer": ("answer", Look(1080, 800)),
    "report, prune": ("kept_and_dropped", Look(860, 490)),
    "report, comparison": ("comparison", Look(1080, 470)),
}
SCALE = 1.5  # pixels of a picture for each of the window, for screens with many of them
MOST = 120_000  # bytes of a picture


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--out", type=Path, help="A folder for pictures of everything.")
    words.add_argument("--site", type=Path, help="The built documentation.")
    words.add_argument("--only", default="", help="With --out: only pages whose name begins so.")
    given = words.parse_args()
    if given.out is None:
        with open_stage() as stage:
            take_shown(stage, PICTURES)
        return
    given.out.mkdir(parents=True, exist_ok=True)
    with open_stage(given.site, build=True) as stage:
        for name, look in LOOKS.items():
            for title, page in stage.states(look, given.only):
                page.shoot(given.out / f"{title.replace(', ', '-').replace(' ', '_')}.{name}.png")
                sys.stderr.write(f"{title}, {name}\n")


def take_shown(stage: Stage, folder: Path) -> None:
    """The pictures that the documentation shows, in light and in dark."""
    folder.mkdir(exist_ok=True)
    for title, (name, look) in SHOWN.items():
        for suffix, dark in (("", False), ("-dark", True)):
            path = folder / f"{name}{suffix}.webp"
            for _, page in stage.states(Look(look.width, look.height, dark=dark), title):
                page.hover(1, look.height - 1)  # nothing is pointed at
                page.js("scrollTo(0, 0)")
                page.js("document.documentElement.style.scrollbarWidth = 'none'")
                page.shoot(path, whole=False, scale=SCALE)
            size = path.stat().st_size
            sys.stderr.write(f"{path.relative_to(ROOT)}: {size:,} bytes\n")
            if size > MOST:
                sys.exit(f"{path.name} has more than {MOST:,} bytes: make its window smaller")


if __name__ == "__main__":
    main()
