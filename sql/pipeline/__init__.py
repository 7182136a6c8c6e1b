"""The pipeline: its steps, trace, answers and conversations."""
