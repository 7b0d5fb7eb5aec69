"""The rules of integration: one class of pieces each."""
