"""Hooks of mkdocs: reference pages from the packages' stubs, and files of the repository that pages link to.

Pages link to files outside of docs/ (a model card, a plot) by relative paths, so that they also work where the
repository is browsed. For the site such files are added as pages or pictures of their own, and the links follow them.
"""

from __future__ import annotations

import ast
import posixpath
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
# What links to files outside of docs/ become on the site; pictures go to assets/ under their own names.
OUTSIDE = {
    "CHANGELOG.md": "changes.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "operate/security.md",
    "benchmarks/README.md": "benchmarks/scripts.md",
    "ctxprune/models/pruner-v2/MODEL_CARD.md": "concepts/cards/pruner.md",
    "ctxprune/scorers/combined/mixture_parts/MODEL_CARD.md": "concepts/cards/mixture.md",
    "sql/linking/MODEL_CARD.md": "concepts/cards/linking.md",
    "sql/select/MODEL_CARD.md": "concepts/cards/selection.md",
    "benchmarks/results/agent_transcript.md": "benchmarks/transcripts/agent.md",
    "benchmarks/results/mcp_agent_transcript.md": "benchmarks/transcripts/mcp_agent.md",
    "benchmarks/results/mcp_transcript.md": "benchmarks/transcripts/mcp.md",
    "benchmarks/results/trace_ask.md": "benchmarks/transcripts/trace.md",
    "compose.yaml": "operate/compose.md",
    "container/service.toml": "operate/service_toml.md",
}
STYLE = ROOT / "ctxprune" / "utils" / "style.css"  # of the explorer and of the reports: the site has its colours
# A reference page for each package that people import from: title, and packages in its order.
REFERENCE = {
    "core": ("Core", ("ctxprune",)),
    "policies": ("Policies", ("ctxprune.policies",)),
    "rag": ("RAG: passages, pages, tables, JSON", ("ctxprune.rag",)),
    "graph": ("Graphs", ("ctxprune.rag.graph",)),
    "extract": ("Extraction and memory", ("ctxprune.rag.extract",)),
    "jsonschema": ("JSON schemas", ("ctxprune.rag.jsonschema",)),
    "sql": ("Text-to-SQL", ("ctxprune.sql",)),
    "match": ("Schema matching", ("ctxprune.sql.match",)),
    "langchain": ("LangChain", ("ctxprune.integrations.langchain",)),
    "llama_index": ("LlamaIndex", ("ctxprune.integrations.llama_index",)),
    "haystack": ("Haystack", ("ctxprune.integrations.haystack",)),
    "shrink": ("Shrink", ("ctxprune.shrink",)),
    "kv": ("KV cache", ("ctxprune.kv",)),
    "errors": ("Errors", ("ctxprune.errors",)),
}
_LINK = re.compile(r"(\]\(|(?:src|srcset)=\")((?:\.\./)*[^)\"\s#:]+)(#[^)\"\s]*)?")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the reference pages, and the files outside of docs/ that pages may link to."""
    for name, (title, packages) in REFERENCE.items():
        text = f"# {title}\n\n`from {packages[0]} import …`\n\n" + "".join(_reference(package) for package in packages)
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    for source, place in OUTSIDE.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        if not source.endswith(".md"):
            text = f"# {source}\n\n```{source.rpartition('.')[2]}\n{text}```\n"
        files.append(File.generated(config, place, content=text))
    files.append(File.generated(config, "colours.css", content=_colours(STYLE.read_text(encoding="utf-8"))))
    for path in sorted((ROOT / "benchmarks" / "results").glob("*.*")):
        if path.suffix in {".svg", ".png"}:
            files.append(File.generated(config, f"assets/{path.name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Let links to files outside of docs/ lead to where `on_files` put them."""
    here = page.file.src_uri
    source = next((source for source, place in OUTSIDE.items() if place == here), f"docs/{here}")

    def follow(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link[2]))
        place = OUTSIDE.get(target)
        if place is None and target.startswith("benchmarks/results/") and target.endswith((".svg", ".png")):
            place = f"assets/{posixpath.basename(target)}"
        if target.startswith("docs/notebooks/") and target.endswith(".ipynb"):
            place = target.removeprefix("docs/").replace(".ipynb", ".md")  # the page that notebook_pages.py makes of it
        if place is None and target.startswith("docs/") and source != f"docs/{here}":
            place = target.removeprefix("docs/")  # a card or the security page links to a page of docs/
        if place is None:
            return link[0]
        # Pictures in raw HTML are not rewritten by mkdocs, which serves each page as a folder of its own.
        raw_html = not link[1].startswith("]")
        base = here.removesuffix(".md").removesuffix("index") if raw_html else posixpath.dirname(here)
        return f"{link[1]}{posixpath.relpath(place, base or '.')}{link[3] or ''}"

    return _LINK.sub(follow, markdown)


def on_post_page(output: str, **_: object) -> str:
    """Give the search, which the theme leaves without a name, one for those who do not see it."""
    search = 'data-md-component="search" role="dialog"'
    if search not in output:
        raise PluginError("the theme writes its search in another way: see on_post_page in docs/site_hooks.py")
    return output.replace(search, f'{search} aria-label="Search"')


def _colours(style: str) -> str:
    """The colours of a stylesheet for the site's light and dark scheme, which its reader can choose by a button."""
    light, dark = re.findall(r"\.ctxprune \{\n(\s*--[^}]*)\}", style)[:2]
    return "".join(
        f'[data-md-color-scheme="{scheme}"] {{\n{colours}}}\n'
        for scheme, colours in (("default", light), ("slate", dark))
    )


def _reference(package: str) -> str:
    """A block of mkdocstrings for every public name of a package, in the order of the alphabet.

    A name that several packages give on is documented at the innermost of them, and only linked from the others.
    """
    blocks, links = [], []
    for name, origin in sorted(_public(package).items(), key=lambda item: item[0].lower()):
        if _owners()[origin] == package:
            blocks.append(f"::: {origin}\n\n")
        else:
            links.append(f"- [`{name}`][{origin}]\n")
    if not links:
        return "".join(blocks)
    return "Also importable from here:\n\n" + "".join(links) + "\n" + "".join(blocks)


@cache
def _owners() -> dict[str, str]:
    """For each public name, the innermost package that gives it on."""
    owners: dict[str, str] = {}
    for package in sorted((name for _, names in REFERENCE.values() for name in names), key=len):
        owners |= dict.fromkeys(_public(package).values(), package)
    return owners


@cache
def _public(package: str) -> dict[str, str]:
    """Public names of a package and the modules' names where they are defined, read without importing it."""
    folder = ROOT / package.replace(".", "/")
    if not folder.is_dir():
        tree = ast.parse(folder.with_suffix(".py").read_text(encoding="utf-8"))
        return {
            node.name: f"{package}.{node.name}"
            for node in tree.body
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
        }
    stub = folder / "__init__.pyi"
    source = stub if stub.is_file() else folder / "__init__.py"
    names = {}
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module != "__future__":
            parts = package.split(".")
            base = parts[: len(parts) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names |= {
                alias.asname or alias.name: f"{module}.{alias.name}"
                for alias in node.names
                if not (alias.asname or alias.name).startswith("_")
            }
    # A name that comes from a package with a page of its own is the one that this package gives on.
    inner = {module for _, modules in REFERENCE.values() for module in modules if module.startswith(f"{package}.")}
    for name, origin in names.items():
        module, _, attribute = origin.rpartition(".")
        if module in inner:
            names[name] = _public(module)[attribute]
    return names
