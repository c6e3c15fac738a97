"""The reference of the public names: which page documents which, from ``__all__`` of the three public modules."""

import importlib

FOLDER = "reference"

MODULES = {
    "robustkd": "The package",
    "robustkd.metrics": "Metrics of arrays",
    "robustkd.losses": "Losses of tensors",
}
"""The public modules, and the titles of their pages."""

CONTRACTS = {
    "Methods": ("robustkd.distillation.method", ("Method", "Supervision", "Stage")),
    "Batches": ("robustkd.data", ("Batch",)),
    "Evaluations": ("robustkd.evaluations", ("Evaluation", "Requirements", "Predict")),
    "Metrics and records": ("robustkd.results.metric", ("Metric",)),
    "Records": ("robustkd.results.records", ("Records", "Check", "members_frame")),
    "Tidy results": ("robustkd.results.tidy", ("tidy",)),
    "Conditions": ("robustkd.data.condition", ("Condition",)),
}
"""What a plugin builds upon."""


def pages() -> dict[str, str]:
    """Return the pages by their path within ``docs``."""
    written = {f"{FOLDER}/{module}.md": _page(module, title) for module, title in MODULES.items()}
    return {**written, f"{FOLDER}/contracts.md": _contracts()}


def _page(module: str, title: str) -> str:
    home = importlib.import_module(module)
    modules = set(MODULES) - {module}
    names = [name for name in home.__all__ if f"{module}.{name}" not in modules]
    entries = "\n\n".join(_entry(module, name, getattr(home, name)) for name in names)
    return f"# {title}: `{module}`\n\n```{{eval-rst}}\n.. automodule:: {module}\n   :no-members:\n\n{entries}\n```\n"


def _contracts() -> str:
    parts = []
    for title, (module, names) in CONTRACTS.items():
        home = importlib.import_module(module)
        entries = "\n\n".join(_entry(module, name, getattr(home, name)) for name in names)
        parts.append(f"## {title}\n\nFrom `{module}`:\n\n```{{eval-rst}}\n{entries}\n```")
    lead = (
        "# What plugins build upon\n\nThe classes that a method, an evaluation or a condition of your own derives from "
        "or returns. [Write a method](../tutorials/write-a-method.md) and "
        "[write an evaluation](../tutorials/write-an-evaluation.md) use them."
    )
    return "\n\n".join([lead, *parts]) + "\n"


def _entry(module: str, name: str, entry: object) -> str:
    if isinstance(entry, type):
        members = "   :members:\n   :no-undoc-members:" if not issubclass(entry, BaseException) else ""
        return f".. autoclass:: {module}.{name}\n{members}".rstrip()
    return f".. autofunction:: {module}.{name}"
