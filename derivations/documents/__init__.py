"""The derivations: one result each, `dNN_….py`, and what several of them share."""
