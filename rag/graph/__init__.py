"""Knowledge graphs: triples as a context, pruned neighbourhoods of entities, and logical queries with evidence."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
