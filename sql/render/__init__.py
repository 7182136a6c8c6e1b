"""Schemas as prompt text: one file, one form. Data in it is escaped, so that it cannot pose as prompt."""

from __future__ import annotations

from .base import RENDERERS, Renderer, render

__all__ = ["RENDERERS", "Renderer", "render"]
