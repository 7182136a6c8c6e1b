"""Files: checksums, compression, JSON lines, arrays, locks and caches."""
