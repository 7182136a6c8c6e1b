"""Near-duplicates: found exactly, in bounded memory, with a report of what was merged into what."""
