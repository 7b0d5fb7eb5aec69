"""Expressions: what their words mean, and whether two are the same."""
