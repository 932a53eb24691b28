"""Income that the platform itself pays: the creator fund and live gifts, imported by operators."""
