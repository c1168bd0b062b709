"""Rows of numbers: cosines, which rows are equal, what models learn from."""
