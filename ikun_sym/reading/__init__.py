"""A SPEC or a user's expression to pieces; read, never evaluated."""
