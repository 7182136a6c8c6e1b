from .cross_encoder import CrossEncoderScorer as CrossEncoderScorer
from .cross_encoder import load_cross_encoder as load_cross_encoder
from .embedders import load_embedder as load_embedder
from .embedding import EmbeddingScorer as EmbeddingScorer
from .provence import ProvenceScorer as ProvenceScorer
from .pruner import PrunerScorer as PrunerScorer
