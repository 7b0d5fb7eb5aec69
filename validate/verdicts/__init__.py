"""How a claim is decided and recorded."""
