"""Allocators: which units stay, given scores and a budget.

allocate(subject, scores, budget) gives, for structures, bool (count,) by group, True = stays, from scores (count,) by
group; for single weights bool of the parameter's shape by its name, from scores of that shape.
"""
