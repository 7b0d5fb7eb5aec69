"""What becomes of the signal under every initialisation scheme, surrogate and depth: predicted, and measured."""
