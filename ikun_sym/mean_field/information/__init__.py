"""Size is not information: how far a difference of two inputs travels, and how long their gradients agree."""
