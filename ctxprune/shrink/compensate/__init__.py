"""Compensators: what stays is changed so that it makes up for what goes, without training."""
