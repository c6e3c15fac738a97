"""The table of `robustkd plan`: jobs, and what they cost."""

import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from robustkd.errors import printable
from robustkd.progress import duration

if TYPE_CHECKING:
    from robustkd.studies.outlook import Outlook, Row

ROWS_SHOWN = 60
"""The largest plan that is listed whole; of a larger one, jobs that differ only in their seed are summed."""


def show_outlook(found: "Outlook", devices: list[int], *, every_job: bool) -> None:
    """Print a plan: its jobs, and the time they take on various numbers of devices.

    Args:
        found: The plan.
        devices: The numbers of devices.
        every_job: Whether every job is listed, however many there are.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("what", "name", "state", "waits for", "takes")
    shown = found.rows if every_job or len(found.rows) <= ROWS_SHOWN else _summed(found.rows)
    for row in shown:
        takes = duration(row.seconds) if row.seconds else "–"
        table.add_row(row.kind, escape(printable(row.name)), row.state, escape(row.waits_for), takes)
    Console(width=None if sys.stdout.isatty() else 150).print(table)
    if found.absent:
        print(
            f"{', '.join(found.absent)}: not found on this machine, so nothing counts as done; "
            "robustkd doctor shows where it was looked for"
        )
    todo, known = len(found.waiting), len(found.from_history)
    print(
        f"{todo} trainings to do on {found.device}; the speeds of {known} are from earlier jobs, the others were "
        "measured now"
    )
    print(
        f"everything, one after another: {duration(found.total)}; longest chain of trainings: {duration(found.chain)}"
    )
    for count in devices:
        print(f"trainings on {count} device{'s' if count > 1 else ''}: {duration(found.on(count))}")


def _summed(rows: "list[Row]") -> "list[Row]":
    """Sum the trainings of a kind that differ only in their seed and have the same state in one row."""
    grouped: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        alike = re.sub(r"-\d+(?=,|$)", "", row.name, count=1)
        grouped.setdefault((row.kind, alike, row.state), []).append(row)
    return [
        replace(
            held[0],
            name=name if len(held) == 1 else f"{name} × {len(held)}",
            waits_for=re.sub(r"-\d+(?=,| |$)", "", held[0].waits_for),
            seconds=sum(row.seconds for row in held),
        )
        for (_, name, _), held in grouped.items()
    ]
