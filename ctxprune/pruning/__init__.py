"""Pruning: score, select, render, within a budget, with an account of every unit."""
