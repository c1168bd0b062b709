"""The program: its commands, its exit codes, and how it stops."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from click.shell_completion import get_completion_class

import mmembed
from mmembed._interrupts import INTERRUPTED, end_loading
from mmembed.cli.embed_commands import cache, embed, models, plan
from mmembed.cli.find_commands import deduplicate, duplicates, join, search
from mmembed.cli.group_commands import classify, cluster, outliers, project
from mmembed.cli.options import _VARIABLE, SHELLS
from mmembed.cli.show_commands import demo, report
from mmembed.cli.terminal import say, show
from mmembed.errors import ColumnExistsError, MMEmbedError


def completion_script(program: click.Command, shell: str) -> str:
    """Return the script that a shell loads to complete ``mmembed``."""
    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"There is no completion for {shell!r}. Known: {', '.join(SHELLS)}.")
    # Without bash's own version check, which starts a bash: the script is also made for other machines.
    source = made(program, {}, "mmembed", _VARIABLE)
    return source.source_template % source.source_vars()


_STOPPED = "stopped; nothing was written. What was embedded is in the cache, and running again continues."

# What a user can mend. Anything else is a fault of the program and shows its traceback.
_REFUSALS = (MMEmbedError, ValueError, OSError)

_EPILOG = """\b
Examples:
  mmembed demo
  mmembed plan    data.csv --column photo --modality image --model qwen3-vl-embedding
  mmembed embed   data.csv --column photo --modality image --model local -o out.parquet
  mmembed search  out.parquet --column photo_vector "a red dress"
  mmembed cluster out.parquet --column photo_vector --text title -o out.parquet
  mmembed report  out.parquet --column photo_vector --image photo --text title -o report.html

\b
Exit codes:
  0    done
  1    the run failed; nothing was written
  2    the command was called wrongly
  3    written, but some cells could not be embedded (embed --errors coerce)
  130  stopped by Ctrl-C

The service's key is read from DASHSCOPE_API_KEY, or from where the dashscope SDK
keeps it, and never shown. Results go to the standard output or to -o, messages
and progress to the standard error."""


class _Program(click.Group):
    """The group of commands, which turns errors into one message and an exit code."""

    def list_commands(self, _: click.Context) -> list[str]:
        # In the order of the work, not of the alphabet.
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            say(f"mmembed: {str(error) or _STOPPED}")
            ctx.exit(INTERRUPTED)
        except (click.ClickException, BrokenPipeError):
            raise
        except _REFUSALS as error:
            if ctx.params.get("traceback"):
                raise
            say(f"mmembed: {in_words_of_the_shell(error)}")
            ctx.exit(1)


def in_words_of_the_shell(error: BaseException) -> str:
    """Return the message of an error, with the option's name as a shell writes it where a verb's argument is named."""
    message = str(error)
    return message.replace("name=", "--name") if isinstance(error, ColumnExistsError) else message


@click.group(
    cls=_Program,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(mmembed.__version__, prog_name="mmembed", message="%(prog)s %(version)s")
@click.option("--traceback", is_flag=True, help="Show where in the program an error arose.")
def program(**_: Any) -> None:
    """Embed, search, cluster, label and report on tables of texts, pictures and videos."""


@click.command(
    epilog="""\b
Examples:
  mmembed completion bash > ~/.local/share/bash-completion/completions/mmembed
  mmembed completion zsh > "${fpath[1]}/_mmembed"
  mmembed completion fish > ~/.config/fish/completions/mmembed.fish"""
)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script that completes commands, options, columns and models in a shell."""
    show(completion_script(program, shell))


for _command in (
    demo,
    plan,
    embed,
    search,
    join,
    duplicates,
    deduplicate,
    outliers,
    cluster,
    classify,
    project,
    report,
    models,
    cache,
    completion,
):
    program.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        What was typed after ``mmembed``; the process's own arguments if not given.
    """
    with _show_warnings(say):
        try:
            end_loading()
            code = program.main(arguments, prog_name="mmembed", standalone_mode=False)
        except click.ClickException as error:
            error.show()
            return error.exit_code
        except (click.Abort, KeyboardInterrupt):
            say(f"mmembed: {_STOPPED}")
            return INTERRUPTED
    return code if isinstance(code, int) else 0


@contextmanager
def _show_warnings(tell: Callable[[str], None]) -> Iterator[None]:
    """Show warnings as messages for users, and those that concern programmers not at all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = lambda message, *_, **__: tell(f"mmembed: warning: {message}")
        yield
