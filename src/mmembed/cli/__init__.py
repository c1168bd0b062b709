"""The command line: reads a table, calls one accessor verb, writes a table or a page."""

from mmembed.cli.program import main

__all__ = ["main"]
