"""Figures of the groups of a table: categories, totals, trends, and where a group differs from the whole."""
