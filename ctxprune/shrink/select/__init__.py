"""Selectors: which rows of the calibration data a recovery trains on."""
