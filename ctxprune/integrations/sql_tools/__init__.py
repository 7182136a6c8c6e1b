"""What tools on a database share, whichever framework calls them: arguments, replies within a token budget, errors.

`SqlToolbox` has the tools over one pipeline; the MCP server builds its own on the same replies, over several databases.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
