"""The infinite-width theory: what a deep random spiking network does, and which weights it should start from."""
