"""Main text of pages by other extractors, run by html_pages.py in an environment of theirs.

    pip install trafilatura readability-lxml resiliparse

Reads JSON lines `{"html"}` and writes `{EXTRACTOR: {"text", "seconds"}}`; the first line that it writes has the version
of each extractor. What is not installed is left out, except trafilatura. trafilatura is asked twice: as it comes but
without readers' comments, and with `favor_precision`.
"""

from __future__ import annotations

import json
import logging
import sys
from contextlib import suppress
from importlib.metadata import version
from time import perf_counter

import trafilatura

logging.disable(logging.CRITICAL)


def extractors() -> dict[str, tuple[str, object]]:
    """Version and function of each, by name."""

    def plain(html):
        return trafilatura.extract(html, include_comments=False)

    def precise(html):
        return trafilatura.extract(html, include_comments=False, favor_precision=True)

    found = {
        "trafilatura": (version("trafilatura"), plain),
        "trafilatura, favor_precision": (version("trafilatura"), precise),
    }
    with suppress(ImportError):
        from lxml.html import fromstring
        from readability import Document

        found["readability-lxml"] = (
            version("readability-lxml"),
            lambda html: fromstring(Document(html).summary()).text_content(),
        )
    with suppress(ImportError):
        from resiliparse.extract.html2text import extract_plain_text

        found["resiliparse"] = (version("resiliparse"), lambda html: extract_plain_text(html, main_content=True))
    return found


def main() -> None:
    asked = extractors()
    write({name: found for name, (found, _) in asked.items()})
    for line in sys.stdin:
        html = json.loads(line)["html"]
        answer = {}
        for name, (_, extract) in asked.items():
            started = perf_counter()
            text = extract(html) or ""
            answer[name] = {"text": text, "seconds": perf_counter() - started}
        write(answer)


def write(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
