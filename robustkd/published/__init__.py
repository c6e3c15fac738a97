"""The papers' numbers: every cell of their tables that could be obtained, and their claims.

The files beside this one are tidy tables, each with its paper and table in its first columns.
"""

from importlib.resources import files

import pandas as pd

from robustkd.errors import BadInputError, nearest


def published_tables() -> list[str]:
    """Name the tables."""
    return sorted(file.name.removesuffix(".csv") for file in files(__name__).iterdir() if file.name.endswith(".csv"))


def load_published(table: str) -> pd.DataFrame:
    """Load a table.

    Args:
        table: One of `published_tables`, such as ``sarfraz2020_table3_cifar10`` or ``claims``.

    Returns:
        The table as published, one row per cell.

    Raises:
        BadInputError: There is no such table.
    """
    if table not in published_tables():
        raise BadInputError(f"unknown table {table!r}: {nearest(table, published_tables())}")
    with (files(__name__) / f"{table}.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file)
