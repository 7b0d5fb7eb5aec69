"""What happens when a network learns: data, models, recipes, runs, and the protocol that compares initialisations."""
