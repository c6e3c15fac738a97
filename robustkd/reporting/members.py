"""The table of the networks of a run, from its provenance."""

from collections.abc import Mapping
from typing import Any

from robustkd.reporting.table import Cell, Column, Table

_COLUMNS = (
    "Role",
    "Architecture",
    "Parameters",
    "Seed",
    "Condition",
    "Source",
    "Preprocessing",
    "Precision",
    "Checkpoint SHA-256",
)


def members_table(provenance: Mapping[str, Any]) -> Table:
    """Lay out where each network came from, and what identifies it.

    Args:
        provenance: The content of ``run.json``.

    Returns:
        One row for each network.
    """
    rows = tuple((member["member"], _cells(member)) for member in provenance["members"])
    return Table("networks", "Network", tuple(map(Column, _COLUMNS)), rows, title="Networks")


def _cells(member: Mapping[str, Any]) -> tuple[Cell, ...]:
    normalisation = f" ({member['normalisation']})" if member.get("normalisation") else ""
    texts = (
        member["role"],
        member["architecture"],
        f"{member['parameters']:,}",
        "–" if member["seed"] is None else str(member["seed"]),
        member["condition"],
        member.get("source", "–"),
        member.get("preprocessing", "–") + normalisation,
        member.get("precision", "–"),
        member["digest"][:16],
    )
    return tuple(Cell(text) for text in texts)
