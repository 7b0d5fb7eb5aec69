"""How much a user's expression may ask for: every bound that keeps reading it finite in time and memory."""

from __future__ import annotations

MAX_LENGTH, MAX_DEPTH, MAX_NODES, MAX_DIGITS = 2000, 60, 500, 60
MAX_EXPONENT, MAX_ROOT = 64, 1000
MAX_BITS = 4096  # of a number, and of the largest coefficient times degree that powers can build up
MAX_PIECES = 200  # on one half-line
MAX_WORK = 40_000  # nodes resolved, over all intervals: bounds the time, and is the same on every machine
MAX_TERMS = 200  # of a sum that is expanded
MAX_DEGREE = 16  # of a polynomial that is factored to find breakpoints
MAX_IRRATIONAL_DEGREE = 6  # of one with irrational coefficients
MAX_CONSTANT_EXPONENT = 10_000  # |c| in exp(c + ...)
MAX_IRRATIONALS = 4  # in a nonlinear sum
MAX_CONSTANT_SIZE = 24  # nodes of an irrational constant
MAX_EXPONENT_SIZE = 40  # nodes of an exponent that is pulled out of a sum
LARGEST = 1e300  # breakpoint, its inverse, and irrational constant
SAFE = 30  # |w| up to which exp(w), and small powers of it, may be written with either sign of the exponent
