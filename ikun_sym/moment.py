from .gaussian.moment import *  # temporary
