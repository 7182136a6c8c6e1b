from .cascade import CascadeScorer as CascadeScorer
from .fusion import DocumentFusion as DocumentFusion
from .fusion import ReciprocalRankFusion as ReciprocalRankFusion
from .fusion import WeightedFusion as WeightedFusion
from .mixture import MixtureScorer as MixtureScorer
from .structured import StructuredScorer as StructuredScorer
from .tabular_pruner import TabularPrunerScorer as TabularPrunerScorer
