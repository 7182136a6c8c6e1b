"""Exact search for near-duplicates in bounded memory, with a report of what was merged into what."""
