"""E[g(X)], X ~ N(mean, var): closed forms, proofs, rigorous enclosures and fast float64 values."""
