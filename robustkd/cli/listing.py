"""What there is: for `robustkd list`."""

from enum import StrEnum
from typing import Any


class Listing(StrEnum):
    """What `robustkd list` can show."""

    methods = "methods"
    evaluations = "evaluations"
    datasets = "datasets"
    conditions = "conditions"
    models = "models"
    claims = "claims"


def listed(what: Listing) -> list[tuple[str, str]]:
    """Name everything of a kind, with a sentence on each where there is one."""
    if what is Listing.claims:
        from robustkd.published import load_published

        claims = load_published("claims")
        return list(zip(claims["id"], claims["claim"], strict=True))
    if what is Listing.models:
        import timm

        from robustkd.models import OWN_ARCHITECTURES

        others = len(timm.list_models()) - len(OWN_ARCHITECTURES)
        return [(name, "") for name in OWN_ARCHITECTURES] + [(f"… and the {others} architectures of timm", "")]
    from robustkd.data import CONDITIONS, DATASETS
    from robustkd.distillation import METHODS
    from robustkd.evaluations import EVALUATIONS

    if what is Listing.evaluations:
        return [(name, EVALUATIONS[name].question) for name in EVALUATIONS.names()]
    registries: dict[Listing, Any] = {
        Listing.methods: METHODS,
        Listing.datasets: DATASETS,
        Listing.conditions: CONDITIONS,
    }
    registry = registries[what]
    shown = {name: name + ("PATH" if name.endswith(":") else "") for name in registry.names()}
    return [(shown[name], _first_sentence(registry[name])) for name in shown]


def _first_sentence(entry: Any) -> str:
    documented = getattr(entry, "func", entry)
    return (documented.__doc__ or "").strip().splitlines()[0]
