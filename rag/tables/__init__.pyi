from .group_words import index_groups as index_groups
from .large import PrunedFile as PrunedFile
from .large import prune_file as prune_file
from .options import TableOptions as TableOptions
from .table import Table as Table
