"""Stand-in until ikun_sym.gaussian.pairs lands."""

import numpy as np

from ...gaussian.moment import float_function


def expected_product(surrogate, mean, var, rho, *, other_mean=None, other_var=None):  # type: ignore[no-untyped-def]
    f = float_function(surrogate, "fprime", 1)
    w = var if other_var is None else other_var
    if rho >= 1 and w == var:
        return float_function(surrogate, "fprime", 2).expectation(mean, var)
    z = np.arange(-9, 9, 0.02)
    root = np.sqrt(abs(rho))
    one = f.expectation(mean + root * np.sqrt(var) * z, (1 - abs(rho)) * var)
    two = f.expectation(mean + np.sign(rho) * root * np.sqrt(w) * z, (1 - abs(rho)) * w)
    return float(np.sum(one * two * np.exp(-z * z / 2)) * 0.02 / np.sqrt(2 * np.pi))
