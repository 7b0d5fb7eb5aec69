"""Rigorous enclosures of E[g(X)] in ball arithmetic."""
