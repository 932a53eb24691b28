"""Money in: deposits through the processor's checkout, reservations for campaigns, refunds."""
