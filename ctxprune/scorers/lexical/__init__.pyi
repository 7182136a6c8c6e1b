from .bm25 import Bm25Scorer as Bm25Scorer
from .chargram import ChargramScorer as ChargramScorer
from .titled import TitledScorer as TitledScorer
from .words import LexicalScorer as LexicalScorer
