"""The embedded default generator: composes SQL from sketches, without a language model."""

from __future__ import annotations

from .generator import SketchGenerator

__all__ = ["SketchGenerator"]
