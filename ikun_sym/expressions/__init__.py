"""Expressions: the meaning of their functions, and a test of whether two expressions are equal."""
