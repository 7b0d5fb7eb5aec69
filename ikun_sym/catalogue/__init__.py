"""Data only: one statement registers one thing. Everything else in the project iterates these registries."""
