from .graph import TripleGraph as TripleGraph
from .triple import Entity as Entity
from .triple import Triple as Triple
from .triples import TripleOptions as TripleOptions
from .triples import Triples as Triples
