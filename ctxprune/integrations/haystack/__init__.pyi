from .document_pruner import DocumentPruner as DocumentPruner
from .sql_answerer import SQLAnswerer as SQLAnswerer
from .sql_tools import HaystackSQLTool as HaystackSQLTool
from .sql_tools import sql_tools as sql_tools
