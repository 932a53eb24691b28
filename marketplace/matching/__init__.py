"""Who suits: a brief meets the creators who are eligible for it, best first, and the reverse."""
