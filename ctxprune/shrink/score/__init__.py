"""Scores of units: one file, one method; higher = keep.

score(subject, groups) says how much each unit matters and never changes the model. Of structures: groups in, float
(count,) by the group's key out. Of single weights: names of parameters in, float of the parameter's shape by its name.
"""
