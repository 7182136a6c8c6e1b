"""Databases: connections, drivers, limits and results."""
