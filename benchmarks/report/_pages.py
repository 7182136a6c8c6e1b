"""The pages that people look at, opened in Chromium in every state: explorer, reports, site."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.report._sample_reports import QUESTION, write_reports

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests"))  # the servers and the browser of the tests

from serve.page.browser import Browser, Page, chromium  # noqa: E402
from serve.page.conftest import service  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["LOOKS", "ROOT", "Look", "Stage", "open_stage"]

CONFIGURATION = '[limits]\nseconds = 300\n[[databases]]\nname = "coffee"\npath = "coffee.sqlite"\n'
PRUNED = "!document.querySelector('#text-account').hidden"
ANSWERED = "document.querySelector('#ask-status').textContent.startsWith('Done') && document.querySelector('.diagram')"
# One page of each section, and those with the widest tables.
SITE = {
    "home": "",
    "start": "start/choose_your_door/",
    "tasks": "tasks/",
    "task": "tasks/passages/",
    "service": "tasks/service/",
    "concepts": "concepts/units/",
    "choose": "choose/scorer/",
    "benchmarks": "benchmarks/",
    "wide table": "benchmarks/passages/",
    "operate": "operate/install/",
    "reference": "reference/policies/",
    "commands": "reference/commands/",
    "contribute": "contributing/",
}


@dataclass(frozen=True)
class Look:
    """How a page is looked at: the window in pixels, and what its user prefers."""

    width: int
    height: int
    dark: bool = False


LOOKS = {"light": Look(1280, 900), "dark": Look(1280, 900, dark=True), "narrow": Look(400, 900)}


@dataclass(frozen=True)
class Stage:
    """Everything that is served and written.

    Attributes:
        browser: A running Chromium.
        explorer: Address of a service with the demo's database, "…/".
        site: Address of the built documentation, "…/", or None where mkdocs is not installed.
        reports: A file of each kind by its name.
    """

    browser: Browser
    explorer: str
    site: str | None
    reports: dict[str, Path]

    def open_page(self, address: str, look: Look) -> Page:
        """A new tab at that address."""
        page = self.browser.page(width=look.width, height=look.height, dark=look.dark)
        page.look(look.width, look.height, dark=look.dark, still=True)
        page.open(address)
        return page

    def states(self, look: Look, only: str = "") -> Iterator[tuple[str, Page]]:
        """Each page in the state that is looked at, under its name; `only` those whose name begins so."""
        shown: dict[str, tuple[str, Callable[[Page], object]]] = {
            f"explorer, {name}": (self.explorer, step) for name, step in EXPLORER.items()
        }
        shown["explorer, reference"] = (f"{self.explorer}docs", _wait_for_reference)
        shown |= {f"report, {name}": (path.as_uri(), _unfold) for name, path in self.reports.items()}
        if self.site is not None:
            shown |= {f"site, {name}": (f"{self.site}{place}", _stay) for name, place in SITE.items()}
        for name, (address, step) in shown.items():
            if name.startswith(only):
                page = self.open_page(address, look)
                step(page)
                yield name, page
                page.close()


@contextmanager
def open_stage(site: Path | None = None, *, build: bool = False) -> Iterator[Stage]:
    """A stage, gone afterwards.

    Args:
        site: The documentation, if it is built already.
        build: Whether it is built where it is not, and mkdocs is installed.

    Raises:
        SystemExit: Chromium is not installed.
    """
    program = chromium()
    if program is None:
        sys.exit("Chromium is not installed: apt-get install chromium")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        reports = write_reports(folder)
        built = site or (_build_site(folder / "site") if build else None)
        address = None if built is None else stack.enter_context(_serve(built))
        explorer, _ = stack.enter_context(service(folder, CONFIGURATION))
        yield Stage(stack.enter_context(Browser(program)), explorer, address, reports)


def prune(page: Page) -> None:
    """Fill in the example of the explorer and prune it."""
    page.click("#text-example")
    page.click("#text-form .main")
    page.wait(PRUNED)


def ask(page: Page) -> None:
    """Ask the demo's database."""
    page.click("#database-tab")
    page.fill("#ask-question", QUESTION)
    page.click("#ask-form .main")
    page.wait(ANSWERED)


def _wait_for_reference(page: Page) -> None:
    page.wait("document.querySelector('#operations article')")


def _unfold(page: Page) -> None:
    """Open what is folded, but for long lists of examples."""
    page.js("document.querySelectorAll('details:not(:has(.examples))').forEach((part) => { part.open = true })")


def _stay(_: Page) -> None:
    """The page as it opens."""


EXPLORER: dict[str, Callable[[Page], object]] = {"empty": _stay, "text": prune, "answer": ask}


def _build_site(folder: Path) -> Path | None:
    program = shutil.which("mkdocs")
    if program is None:
        return None
    subprocess.run([program, "build", "--strict", "--site-dir", str(folder)], cwd=ROOT, check=True)
    return folder


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name of the base class)
        """Nothing: requests are no news."""


@contextmanager
def _serve(folder: Path) -> Iterator[str]:
    """A folder on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
