"""Clusters: the ways to group rows, the choice between them, and the result."""
