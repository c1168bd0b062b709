"""Nearest neighbours: the exact and the approximate way, and one shared graph for each set of rows."""
