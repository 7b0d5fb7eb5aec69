"""Data only: one statement registers one entry. The rest of the project iterates over these registries."""
