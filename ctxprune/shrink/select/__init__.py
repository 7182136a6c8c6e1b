"""Selectors: which rows of the calibration data a recovery trains on.

select(subject, share) gives bool (rows,) over the calibration batches' rows: about that share of them (0..1), one group
at least. Rows of one question (`groups`) go or stay together, since losses compare them.
"""
