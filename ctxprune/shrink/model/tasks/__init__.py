"""What models do: outputs, losses, distance from a teacher, quality."""

from __future__ import annotations

from ctxprune.shrink.model.tasks.base import Batch, Task
from ctxprune.shrink.registries import TASKS

__all__ = ["TASKS", "Batch", "Task"]
