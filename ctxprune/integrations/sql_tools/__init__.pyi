from .budget import DEFAULT_TOKENS as DEFAULT_TOKENS
from .budget import ContentBudget as ContentBudget
from .toolbox import Reply as Reply
from .toolbox import SqlToolbox as SqlToolbox
