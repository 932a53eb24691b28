"""Who takes part: people who log in, brands with their members, creators."""
