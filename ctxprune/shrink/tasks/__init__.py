"""What models do: outputs, losses, distance from a teacher, quality."""

from __future__ import annotations

from ctxprune.shrink.pieces import TASKS
from ctxprune.shrink.tasks.base import Batch, Task

__all__ = ["TASKS", "Batch", "Task"]
