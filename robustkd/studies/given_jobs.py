"""Put teachers that were trained elsewhere into the store, where trained networks are looked for."""

from robustkd.distillation import history_frame
from robustkd.studies.member_facts import MODEL_FILE
from robustkd.studies.plan import Plan
from robustkd.studies.store import Store
from robustkd.studies.training import HISTORY_FILE


def store_given(plan: Plan, store: Store) -> None:
    """Put the given teachers of a plan into a store, with an empty history.

    Args:
        plan: The plan.
        store: The store.
    """
    for job in plan.jobs:
        if job.given is None or store.find(job) is not None:
            continue
        with store.lock(job):
            history = history_frame([]).to_csv(index=False, lineterminator="\n").encode()
            store.put(job, {MODEL_FILE: job.given.checkpoint, HISTORY_FILE: history}, {"digest": job.given.digest})
