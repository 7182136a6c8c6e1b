from .postprocessor import PruningPostprocessor as PruningPostprocessor
from .query_engine import SQLQueryEngine as SQLQueryEngine
from .tool_spec import LlamaIndexSQLTool as LlamaIndexSQLTool
from .tool_spec import SQLToolSpec as SQLToolSpec
