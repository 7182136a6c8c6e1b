"""The explorer at `/`, which shows what the service does, and its reference at `/docs`: static files and nothing from
elsewhere.
"""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ctxprune.utils.page import whole_stylesheet

__all__ = ["router"]

router = APIRouter(include_in_schema=False)
_TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript"}
_HEADERS = {
    "cache-control": "no-cache",
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_HEAD = "head.html"  # what the heads of both pages share


def _read_files() -> dict[str, tuple[bytes, str]]:
    """The files by name with their types, pages with their shared head, and the stylesheet of all our pages."""
    found = {}
    for entry in files(__name__).iterdir():
        suffix = f".{entry.name.rpartition('.')[2]}"
        if suffix in _TYPES:
            found[entry.name] = (entry.read_bytes(), _TYPES[suffix])
    head, _ = found.pop(_HEAD)
    mark = f"<!-- {_HEAD} -->\n".encode()
    found["style.css"] = (whole_stylesheet().encode(), _TYPES[".css"])
    return {name: (content.replace(mark, head), kind) for name, (content, kind) in found.items()}


_FILES = _read_files()


@router.get("/")
def page() -> Response:
    """The explorer."""
    return asset("index.html")


@router.get("/docs")
def docs() -> Response:
    """What `/openapi.json` says, to read. FastAPI's own page loads its scripts from elsewhere."""
    return asset("docs.html")


@router.get("/page/{name}")
def asset(name: str) -> Response:
    """A file that the page consists of."""
    if name not in _FILES:
        raise HTTPException(404)
    content, kind = _FILES[name]
    return Response(content, media_type=kind, headers=_HEADERS)
