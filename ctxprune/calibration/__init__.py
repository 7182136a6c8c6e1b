"""Calibration: keep sets with a guarantee, scales that make scores comparable, and how both are stored."""
