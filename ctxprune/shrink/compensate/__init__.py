"""Compensators: kept weights are changed to make up for the removed ones, without training.

compensate(subject, kept) changes the subject's model in place, before removal. `kept` is what an allocator gave: bool
(count,) by group, or bool of the parameter's shape by its name. It is given back, or a better choice is.
"""
