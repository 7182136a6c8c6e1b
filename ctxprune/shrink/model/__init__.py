"""The model being compressed: its structure, cost, tasks and surgery."""
