"""Scorers of structured contexts: tables, pages, logs, schemas and tools."""
