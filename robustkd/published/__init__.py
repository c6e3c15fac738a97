"""The papers' numbers: every cell of their tables that could be obtained, and their claims.

The other files in this folder are tidy tables, with the paper and the table in their first columns.
"""

from importlib.resources import files
from typing import TYPE_CHECKING

from robustkd.errors import BadInputError, nearest

if TYPE_CHECKING:
    import pandas as pd


def published_tables() -> list[str]:
    """Return the names of the tables, sorted."""
    return sorted(file.name.removesuffix(".csv") for file in files(__name__).iterdir() if file.name.endswith(".csv"))


def load_published(table: str) -> "pd.DataFrame":
    """Load a published table.

    Args:
        table: A name of `published_tables`, such as ``sarfraz2020_table3_cifar10`` or ``claims``.

    Returns:
        The table as published, one row for each cell.

    Raises:
        BadInputError: There is no such table.

    >>> import robustkd as rk
    >>> table = rk.load_published("sarfraz2020_table3_cifar10")
    >>> len(table)
    96
    """
    import pandas as pd

    if table not in published_tables():
        raise BadInputError(f"unknown table {table!r}: {nearest(table, published_tables())}")
    with (files(__name__) / f"{table}.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file)
