"""Recoveries: short training after (or before) removal.

recover(subject) trains the subject's model, in place or as a new one, and gives the subject with it. Masked weights
stay zero.
"""
