from .json import JsonScorer as JsonScorer
from .log import LogScorer as LogScorer
from .names import NamesScorer as NamesScorer
from .page import PageScorer as PageScorer
from .tabular import TabularScorer as TabularScorer
from .tabular import question_demand as question_demand
from .triple import TripleScorer as TripleScorer
