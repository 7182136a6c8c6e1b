"""Measurements on calibration data: activations, gradients, gates, reconstruction sums."""
