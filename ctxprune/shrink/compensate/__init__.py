"""Compensators: kept weights are changed to make up for the removed ones, without training."""
