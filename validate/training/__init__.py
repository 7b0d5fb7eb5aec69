"""What happens when a network learns: data, models, recipes, protocol."""
