from .base import WrappedPolicy as WrappedPolicy
from .distinct import Distinct as Distinct
from .documents import BestDocuments as BestDocuments
from .documents import TopMean as TopMean
from .documents import document_scores as document_scores
from .neighbours import Neighbours as Neighbours
