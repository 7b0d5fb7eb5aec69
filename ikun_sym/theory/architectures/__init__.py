"""The infinite-width theory of every architecture that has one beside dense layers: a recursion of covariances each."""

from . import field, recurrent, residual  # noqa: F401  (they register their theories)
from .recursion import Recursion, Theory, theory_of
from .through import predict_through

__all__ = ["Recursion", "Theory", "predict_through", "theory_of"]
