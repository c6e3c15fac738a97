"""What stands above and below the tables of a report."""

import re
from dataclasses import replace

from robustkd.reporting.table import Table

MEANINGS = (
    "Bold: best, or not significantly worse than the best (paired bootstrap, Holm). ▼: worse than the independent "
    "baseline."
)

SPREADS = "±: standard deviation over seeds. [ ]: 95% interval over images, t[ ] over seeds."


def captions_once(tables: list[Table]) -> list[Table]:
    """Of tables with one caption, only the last keeps it."""
    last = {table.caption: index for index, table in enumerate(tables)}
    return [table if last[table.caption] == index else replace(table, caption="") for index, table in enumerate(tables)]


def titled(table: Table, title: str) -> Table:
    """Put the part of a study, or the topic, above a table and into its name."""
    if not title:
        return table
    slug = re.sub(r"[^\w.]+", "-", title).strip("-")
    return replace(table, name=f"{table.name}-{slug}", title=": ".join(filter(None, (title, table.title))))
