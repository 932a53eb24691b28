"""Money owed: every way of earning ends in `earning.accrue`."""
