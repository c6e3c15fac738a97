"""`robustkd claims`: which of the papers' claims hold in the results of one or several runs?"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robustkd.cli.options import Plugin, load_named_plugins
from robustkd.errors import printable

if TYPE_CHECKING:
    from robustkd.reporting.claims.claim import Judgement
    from robustkd.reporting.claims.summary import ClaimsSummary


def claims(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN [RUN …]", help="Run directories, judged together.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print every claim as JSON.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, as in a report.")] = False,
    plugin: Plugin = None,
) -> None:
    """Judge the papers' claims by the results of runs: holds, does not hold, or undecided, and by which numbers.

    Example: robustkd claims runs/table5 runs/table6
    """
    load_named_plugins(plugin)
    from robustkd.reporting.claims import judgements_of
    from robustkd.reporting.claims.summary import as_data, as_markdown, summary_of
    from robustkd.reporting.run import read_run

    judgements = judgements_of([read_run(run) for run in dict.fromkeys(runs)])
    if as_json:
        print(json.dumps([as_data(judgement) for judgement in judgements], indent=2, ensure_ascii=False))
    elif markdown:
        print(as_markdown(summary_of(judgements)), end="")
    elif sys.stdout.isatty():
        _show_table(summary_of(judgements))
    else:
        _print_lines(summary_of(judgements))


def _print_lines(summary: "ClaimsSummary") -> None:
    print(summary.sentence)
    if summary.judged:
        print(summary.note)
    for judgement in summary.judged:
        print(f"\n{judgement.sign} {judgement.verdict}: {judgement.claim.id} {judgement.claim.claim}")
        for line in _about(judgement):
            print(f"    {line}")
    if summary.lacking:
        print("\nNot asked, because these results lack:")
    for lacking in summary.lacking:
        print(f"    {lacking.ids}: {printable(lacking.missing)}")


def _about(judgement: "Judgement") -> list[str]:
    claim = judgement.claim
    return [
        printable(judgement.evidence),
        *([f"To decide: {printable(judgement.decides)}."] if judgement.decides else []),
        f"Rule: {judgement.rule}",
        f"Published ({claim.paper}): {claim.published_evidence}.",
        *([f"Caveat: {claim.caveat}."] if claim.caveat else []),
    ]


def _show_table(summary: "ClaimsSummary") -> None:
    """On a terminal, text is wrapped within its column."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text(summary.sentence))
    if summary.judged:
        console.print(Text(summary.note))
        table = Table("claim", "verdict", "", show_lines=True)
        for judgement in summary.judged:
            told = "\n".join([judgement.claim.claim, *_about(judgement)])
            table.add_row(judgement.claim.id, Text(f"{judgement.sign} {judgement.verdict}"), Text(told))
        console.print(table)
    if summary.lacking:
        table = Table("not asked", "because these results lack", box=None)
        for lacking in summary.lacking:
            table.add_row(Text(lacking.ids), Text(printable(lacking.missing)))
        console.print(table)
