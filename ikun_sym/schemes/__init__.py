"""Which weights, and which surrogate, a network should get."""
