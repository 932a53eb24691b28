"""Money out: through one gate with named reasons."""
