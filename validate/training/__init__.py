"""What happens when a network learns: data, recipes, runs, and the protocol that compares initialisations."""
