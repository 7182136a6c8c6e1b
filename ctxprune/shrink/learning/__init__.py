"""Shared parts of training: losses, adapters, learned gates."""
