"""What a study is about to do, written for whoever watches it from another process."""

import json
from collections.abc import Collection
from pathlib import Path

from robustkd.atomic import write_text
from robustkd.reporting.progress import UNDER_WAY
from robustkd.studies.plan import Plan
from robustkd.studies.store import Store


def announce(run: Path, plan: Plan, store: Store, evaluations: Collection[str]) -> None:
    """Write which networks and evaluations are to come; the file stays until `done`.

    Args:
        run: The run directory.
        plan: The trainings.
        store: The folder of the trained networks.
        evaluations: The names of the evaluations.
    """
    networks = {job.folder: plan.title(job) for job in plan.jobs}
    content = {"store": str(store.root.resolve()), "networks": networks, "evaluations": list(evaluations)}
    write_text(run / UNDER_WAY, json.dumps(content, indent=2) + "\n")


def done(run: Path) -> None:
    """Say that nothing is to come."""
    (run / UNDER_WAY).unlink(missing_ok=True)
