"""Grids of cases over Dask: journalled, resumable, drawn as heat maps with the theory's lines."""
