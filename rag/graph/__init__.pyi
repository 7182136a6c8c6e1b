from .graph import TripleGraph as TripleGraph
from .neighbourhood import Neighbourhood as Neighbourhood
from .neighbourhood import NeighbourhoodOptions as NeighbourhoodOptions
from .neighbourhood import neighbourhood as neighbourhood
from .triple import Entity as Entity
from .triple import Triple as Triple
from .triples import TripleOptions as TripleOptions
from .triples import Triples as Triples
