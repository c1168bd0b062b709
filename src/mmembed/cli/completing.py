"""Completion in shells: the script to load, columns of the table at hand, names of models."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem, get_completion_class

from mmembed.cli.tables import column_names

SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_MMEMBED_COMPLETE"


def complete_columns(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the columns of the table that was typed; none where it cannot be read."""
    # click leaves the arguments unread where the last option has no value yet.
    table = ctx.params.get("table") or ctx.params.get("left") or next(iter(ctx.args), None)
    if table is None:
        return []
    try:
        names = column_names(Path(table))
    except (OSError, ValueError):  # a shell that completes has no place for messages
        return []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def complete_models(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of known models."""
    from mmembed.providers.models import MODELS

    return [CompletionItem(name) for name in ("local", *MODELS) if name.startswith(incomplete)]


def completion_script(program: click.Command, shell: str) -> str:
    """Return the script that a shell loads to complete ``mmembed``."""
    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"There is no completion for {shell!r}. Known: {', '.join(SHELLS)}.")
    # Without bash's own version check, which starts a bash: the script is also made for other machines.
    source = made(program, {}, "mmembed", _VARIABLE)
    return source.source_template % source.source_vars()
