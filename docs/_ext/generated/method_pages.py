"""A page for each distillation method, and their index."""

from typing import get_args

from generated.markdown import body, code, one_line, table, value
from generated.options import options_table
from robustkd.declarations import Declaration, declared

FOLDER = "guide/methods"

KINDS = {
    "labels": "The labels alone, without a teacher",
    "response": "The teacher's predictions",
    "feature": "The teacher's features",
    "relation": "Relations between images, as the teacher sees them",
    "online": "Networks that learn at the same time",
    "data": "The teacher's predictions for further images",
    "robust": "Predictions under attack",
}
"""What the student is to match, in words, in the order of the index."""


def pages() -> dict[str, str]:
    """Return the pages by their path within ``docs``."""
    found = {name: each for name, each in declared("method").items() if "robustkd/distillation" in each.path.as_posix()}
    return {f"{FOLDER}/index.md": _index(found)} | {f"{FOLDER}/{name}.md": _page(each) for name, each in found.items()}


def _index(found: dict[str, Declaration]) -> str:
    kinds = [*KINDS, *sorted({each.guide.matches for each in found.values()} - set(KINDS))]
    tables = [
        f"## {KINDS.get(kind, kind)}\n\n{_rows([each for each in found.values() if each.guide.matches == kind])}"
        for kind in kinds
    ]
    names = "\n".join(found)
    return (
        "# Methods\n\n"
        "What each method makes a student match. The cost is the time of a training relative to that of `baseline`, "
        "measured on one thread of a CPU, with a teacher WRN-40-2 and a student WRN-16-2 "
        "(`experiments/benchmarks/method_costs.py`). "
        "`robustkd list methods` prints this table; `rk.methods()` returns it as a data frame.\n\n"
        + "\n\n".join(tables)
        + f"\n\n```{{toctree}}\n:hidden:\n\n{names}\n```\n"
    )


def _rows(found: list[Declaration]) -> str:
    rows = [
        (f"[`{each.name}`]({each.name}.md)", each.guide.needs, each.guide.cost, each.guide.cites, each.summary)
        for each in found
    ]
    return table(("method", "needs", "cost", "paper", "in a sentence"), rows)


def _page(declaration: Declaration) -> str:
    return (
        "\n\n".join(
            [
                f"# {declaration.name}",
                f"**{declaration.summary}**",
                _facts(declaration),
                f"## Formula, layers and paper\n\n{_details(declaration)}",
                f"## Options\n\n{options_table(declaration)}",
                f"## Use it\n\n{_use(declaration)}",
            ]
        )
        + "\n"
    )


def _facts(declaration: Declaration) -> str:
    guide = declaration.guide
    facts = {
        "Matches": KINDS.get(guide.matches, guide.matches).lower(),
        "Needs": guide.needs,
        "A training takes": guide.cost,
        "Paper": guide.cites,
        "Variants": ", ".join(map(code, variants(declaration))),
        "Source": code("robustkd/" + declaration.path.as_posix().rpartition("/robustkd/")[2]),
    }
    return "\n".join(f"* **{name}**: {text}" for name, text in facts.items() if text)


def variants(declaration: Declaration) -> tuple[str, ...]:
    """Return the variants of a method: the values that its option ``variant`` may have.

    Args:
        declaration: The declaration of the method.
    """
    option = next((each for each in declaration.options if each.name == "variant"), None)
    return tuple(map(str, get_args(option.annotation))) if option is not None else ()


def _details(declaration: Declaration) -> str:
    """The docstrings of file and class, without the sentence that stands above."""
    said = declaration.summary.lower()
    paragraphs = body(declaration.doc).split("\n\n")
    opening = f"`{declaration.name}`: "
    return "\n\n".join(each for each in paragraphs if one_line(each).removeprefix(opening).lower() != said)


def _use(declaration: Declaration) -> str:
    name, teacher = declaration.name, " --teacher teacher.safetensors" if declaration.needs_teacher else ""
    files = f"{teacher} --out student.safetensors"
    command = f"robustkd train --data cifar10 --architecture cifar_wrn_16_2 --method {name}{files}"
    options = ", ".join(f"{each.name}: {value(each.default)}" for each in declaration.options if each.has_default)
    entries = ["    baseline:"] if name != "baseline" else []
    entries.append(f"    {name}: {{{options}}}      # the defaults" if options else f"    {name}:")
    study = "\n".join(["students:", "  methods:", *entries])
    return f"```sh\n{command}\n```\n\nIn a study file:\n\n```yaml\n{study}\n```"
