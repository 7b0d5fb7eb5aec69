"""The pages of claims: plots and HTML."""
