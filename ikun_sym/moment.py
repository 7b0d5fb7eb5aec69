from .gaussian.moment import *  # temporary
from .gaussian.moment import float_function, integrand
