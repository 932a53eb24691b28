"""The payment processors we call: an adapter each behind one protocol, and the outbox of calls."""
