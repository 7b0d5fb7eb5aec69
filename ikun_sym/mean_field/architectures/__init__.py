"""The infinite-width theory of every architecture that has one beside dense layers: a recursion of covariances each."""

from . import pooled_convolution, recurrent, residual  # noqa: F401  (they register their theories)
from .predict_architecture import predict_through
from .recursion import Recursion, Theory, theory_of

__all__ = ["Recursion", "Theory", "predict_through", "theory_of"]
