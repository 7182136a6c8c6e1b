"""GET /healthz, /readyz and /metrics: for those who run the service; they need no key, and tell no contents."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from ctxprune.serve.replies import Json
from ctxprune.serve.routes.base import CallOf, ServiceOf

__all__ = ["router"]

router = APIRouter(tags=["operation"])
_EXAMPLE = {"content": {"application/json": {"example": {"ready": True, "databases": {"shop": "ok"}}}}}


@router.get("/healthz", responses={200: {"content": {"application/json": {"example": {"status": "ok"}}}}})
async def healthz() -> Json:
    """Whether the process answers at all."""
    return Json({"status": "ok"})


@router.get("/readyz", responses={200: _EXAMPLE, 503: {"description": "not ready; the answer says why"}})
async def readyz(service: ServiceOf, call: CallOf) -> Json:
    """Whether requests should come here: the scorer is loaded, every database can be used, and nothing is stopping.

    Databases are named to a key that may use them, and to everybody where there are no keys.
    """
    state = await service.report_readiness(service.keys.find(call.headers))
    return Json(state, status_code=200 if state["ready"] else 503)


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"example": 'ctxprune_tokens_total{direction="in",stage="prune"} 12.0'}}}
    },
)
async def metrics(service: ServiceOf, call: CallOf) -> Response:
    """Prometheus's text format; token counts and stage times only for keys that have `metrics = true`, where there are
    keys.
    """
    key = service.keys.find(call.headers)
    text = service.metrics.text(whole=key is not None and key.metrics)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")
