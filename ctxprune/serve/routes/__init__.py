"""The service's endpoints, one file for each group."""

from __future__ import annotations
