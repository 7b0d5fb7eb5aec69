"""What a derivation can claim, one kind a file; each claim checks itself or refuses, and says how."""
