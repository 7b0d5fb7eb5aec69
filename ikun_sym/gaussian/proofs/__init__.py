"""How a closed form is proved."""
