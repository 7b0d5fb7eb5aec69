"""E[f'(X) f'(X')] for (X, X') bivariate normal: the Gaussian engine in two dimensions.

All of it rests on one identity. With s the sign of the correlation ρ, C, A, A' independent standard normals,

    X = μ + √|ρ| σ C + √(1−|ρ|) σ A,    X' = μ' + s √|ρ| σ' C + √(1−|ρ|) σ' A',

so that E[g(X) h(X')] = E[G(C) H(C)] with G(c) = E[g(Y)], Y ~ N(μ + √|ρ| σ c, (1−|ρ|) v): one dimension, and entire functions.
"""
