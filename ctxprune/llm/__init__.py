"""Chat models: their protocol, adapters, limits, retries and caches."""
