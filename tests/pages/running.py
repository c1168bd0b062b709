"""Run the blocks of a page one after the other in one namespace, as cells of a notebook."""

from __future__ import annotations

import ast
import contextlib
import io
import shlex
from pathlib import Path
from typing import Any

from pages.reading import Block, read_blocks
from pages.showing import agree, shown


def run_page(path: Path) -> list[tuple[Block, str]]:
    """Run a page in the working directory and return each block that was run with its real output as Markdown."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    return [(block, _run(block, namespace, path)) for block in read_blocks(path) if block.is_run]


def check_page(path: Path) -> int:
    """Run a page; fail where a block fails or shows what is not so. Returns how many blocks were run."""
    done = run_page(path)
    wrong = [
        f"{path.name}, line {block.shown_from + 1}: the page says\n{block.shown}\nbut the output is\n{real}"
        for block, real in done
        if block.shown is not None and not _is_so(block, real)
    ]
    assert not wrong, "\n\n".join(wrong)
    return len(done)


def rewrite_page(path: Path) -> None:
    """Put the real output of each block in the place of the one that the page shows, where it shows one."""
    lines = path.read_text("utf-8").splitlines()
    for block, real in reversed(run_page(path)):
        if block.shown is not None and not agree(block.shown, real):
            lines[block.shown_from : block.shown_to] = real.splitlines()
    path.write_text("\n".join(lines) + "\n", "utf-8")


def _is_so(block: Block, real: str) -> bool:
    """Return whether a page shows the real output; of an example, whether it has the same columns, or is text, too."""
    claimed = block.shown or ""
    if block.is_example:
        return claimed.splitlines()[0] == real.splitlines()[0]
    return agree(claimed, real)


def _run(block: Block, namespace: dict[str, Any], path: Path) -> str:
    printed = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)  # commands write bytes to what lies under it
    with contextlib.redirect_stdout(printed):
        value = _python(block, namespace, path) if block.language == "python" else _shell(block, path)
    printed.seek(0)
    return shown(value, printed.read())


def _python(block: Block, namespace: dict[str, Any], path: Path) -> Any:
    """Run statements; return the value of the last one, if it is an expression."""
    # Line numbers of a traceback are those of the page.
    tree = ast.parse("\n" * block.line + block.code, str(path))
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, str(path), "exec"), namespace)  # noqa: S102  our own pages
    return None if last is None else eval(compile(ast.Expression(last.value), str(path), "eval"), namespace)  # noqa: S307


def _shell(block: Block, path: Path) -> None:
    """Run the lines that call ``mmembed``; the others (pip, export) are for the reader's machine."""
    from mmembed.cli import main

    for line in block.code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words and words[0] == "mmembed":
            try:
                code = main(words[1:])
            except SystemExit as end:
                code = end.code
            assert not code, f"{path.name}, line {block.line + 1}: {line!r} ended with {code}."
