"""The command line: reads a table, calls one accessor verb, writes a table or a page."""

from mmembed.cli.main import main

__all__ = ["main"]
