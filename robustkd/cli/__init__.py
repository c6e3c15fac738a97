"""The `robustkd` command: one file for each of its commands.

Torch is imported inside the commands that need it, so that ``--help`` and ``list`` answer at once. Exit codes: 0 done;
1 finished, but the answer is no or something failed; 2 bad input, explained in one line; 130 interrupted.
"""

import errno
import os
import sys
from typing import Annotated

import typer

from robustkd.cli.claims import claims
from robustkd.cli.compare import compare
from robustkd.cli.doctor import doctor
from robustkd.cli.evaluate import evaluate
from robustkd.cli.gate import gate
from robustkd.cli.list import list_
from robustkd.cli.plan import plan
from robustkd.cli.report import report
from robustkd.cli.run import run
from robustkd.cli.schema import schema
from robustkd.cli.track import track
from robustkd.cli.train import train
from robustkd.cli.usage import EXIT_CODE, UsageError, usage_message
from robustkd.errors import RobustKDError, printable
from robustkd.threads import wait_passively

app = typer.Typer(
    name="robustkd",
    help="Measure what a distilled model inherited from its teacher.\n\n"
    "Example: robustkd run experiments/quickstart.yaml",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for command in (run, evaluate, train, report, claims, compare, gate, plan, schema, doctor, track):
    app.command()(command)
app.command("list")(list_)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"robustkd {version('robustkd')}")
        except PackageNotFoundError:
            print("robustkd (run from its source, not installed)")
        raise typer.Exit


@app.callback()
def _robustkd(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Take the options that come before the command."""


_WRONG_PATH = (errno.ENAMETOOLONG,)
"""The errors of the system that mean a wrong path in the input."""


def main() -> None:
    """Run the command line; every error is one line on standard error."""
    wait_passively()
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except UsageError as error:
        _fail(usage_message(error), EXIT_CODE)
    except typer.Abort:
        _fail("interrupted", 130)
    except RobustKDError as error:
        _fail(str(error), error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:  # a file that cannot be read or written, wherever that was
        place = f"{error.filename}: " if error.filename else ""
        _fail(f"{place}{error.strerror or error}", EXIT_CODE if error.errno in _WRONG_PATH else 1)


def _fail(message: str, exit_code: int) -> None:
    print(f"error: {printable(message)}", file=sys.stderr)
    sys.exit(exit_code)
