"""The program: who may take part, who asked to, and who does."""
