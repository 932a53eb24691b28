"""The database: embedded server, roles, the one lock helper, identifiers, checks."""
