"""The shrink backend: score -> allocate -> remove -> compensate -> recover, as recipes over registered pieces."""
