"""A brand buys work for flat fees."""
