"""Texts, pictures and videos in a pandas table: embed, search, cluster, name, map and report."""

__version__ = "0.1.0"
