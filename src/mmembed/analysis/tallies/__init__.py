"""Figures of the groups of a table: categories, totals, trends."""
