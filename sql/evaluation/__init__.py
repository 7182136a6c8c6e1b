"""Public benchmarks: folder layouts, official scoring rules, and runs of our generators over them."""
