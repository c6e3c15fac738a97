"""The `robustkd` command: one module for each of its commands.

Torch is imported inside the commands that need it, so that ``--help`` answers at once. Exit codes: 0 done; 1 it ran,
and the answer is no, or something is missing; 2 bad input, reported in one line; 130 interrupted.
"""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from robustkd.cli import compare, doctor, evaluate, plan, report, run, schema, train
from robustkd.cli import list as list_command
from robustkd.cli.usage import UsageError, described
from robustkd.errors import BadInputError, RobustKDError, nearest, printable


class _Commands(TyperGroup):
    """The commands; a mistyped one is answered with the nearest."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and self.get_command(ctx, args[0]) is None and not ctx.resilient_parsing:
            raise BadInputError(f"robustkd: unknown command {args[0]!r}: {nearest(args[0], self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    name="robustkd",
    cls=_Commands,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with: robustkd run experiments/quickstart.yaml",
)
app.command()(run.run)
app.command()(evaluate.evaluate)
app.command()(train.train)
app.command()(plan.plan)
app.command()(report.report)
app.command()(compare.compare)
app.command("list")(list_command.list_)
app.command()(schema.schema)
app.command()(doctor.doctor)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; every error is one line on standard error.

    Args:
        arguments: The arguments after the name of the program; those of this process if None.
    """
    # a name that cannot be encoded must not end in a traceback
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        code = app(args=arguments, prog_name="robustkd", standalone_mode=False)
        sys.stdout.flush()
    except RobustKDError as error:
        _fail(str(error), error.exit_code)
    except UsageError as error:
        _fail(described(error), BadInputError.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted", 130)
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:  # a file that cannot be read or written, wherever that was
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error), 1)
    sys.exit(code or 0)


def _fail(message: str, code: int) -> None:
    print(f"error: {printable(message)}", file=sys.stderr)
    sys.exit(code)


def _show_version(wanted: bool) -> None:
    if not wanted:
        return
    try:
        print(f"robustkd {version('robustkd')}")
    except PackageNotFoundError:
        print("robustkd, run from its source without being installed")
    raise typer.Exit


@app.callback()
def robustkd(
    context: typer.Context,
    version_wanted: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """What did a distilled model really inherit?"""
    if context.invoked_subcommand is None:
        print(context.get_help())
