"""A page for each evaluation, and their index."""

from itertools import groupby
from pathlib import Path

from generated.markdown import body, code, one_line, table, value, without_reading_order
from generated.options import options_table
from robustkd.declarations import Declaration, declared
from robustkd.evaluations import EVALUATIONS, Evaluation
from robustkd.results.metric import Metric
from robustkd.studies.evaluate_models import ASKED_UNDER, SUITES

FOLDER = "guide/evaluations"

EXAMPLE = Path("reports/inheritance-demo/report/figures")
"""The figures of the report whose charts illustrate the pages."""

UNITS = {"fraction": "%", "points": "percentage points"}

BETTER = {True: "higher", False: "lower", None: "neither"}


def pages(repository: Path) -> dict[str, str]:
    """Return the pages by their path within ``docs``.

    Args:
        repository: The root of the repository, which has the figures of a report.
    """
    found = {name: each for name, each in declared("evaluation").items() if name in EVALUATIONS.names()}
    written = {f"{FOLDER}/{name}.md": _page(each, EVALUATIONS[name], repository) for name, each in found.items()}
    return {f"{FOLDER}/index.md": _index(found), **written}


def _index(found: dict[str, Declaration]) -> str:
    rows = [
        (f"[`{name}`]({name}.md)", each.summary, each.guide.needs, each.guide.cost, each.guide.cites)
        for name, each in found.items()
    ]
    names = "\n".join(found)
    return (
        "# Evaluations\n\n"
        "Each evaluation answers one question about all networks of a pool, and compares students with an independent "
        "baseline: the same network, trained on the same data without a teacher. `robustkd list evaluations` prints "
        "this table; `rk.evaluations()` returns it as a data frame.\n\n"
        f"{table(('evaluation', 'question', 'needs', 'cost', 'papers'), rows)}\n\n"
        f"```{{toctree}}\n:hidden:\n\n{names}\n```\n"
    )


def _page(declaration: Declaration, evaluation: type[Evaluation], repository: Path) -> str:
    parts = [
        f"# {evaluation.title}",
        f"`{declaration.name}`: **{declaration.summary}**",
        _facts(declaration, evaluation),
        _chart(declaration.name, repository),
        _section("How to read it", _reading(declaration, evaluation)),
        _section("Metrics", _metrics(evaluation.metrics)),
        _section("What is measured, and where it comes from", _details(declaration)),
        _section("Options", options_table(declaration)),
        _section("Run it", _commands(declaration, evaluation)),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}" if text else ""


def _facts(declaration: Declaration, evaluation: type[Evaluation]) -> str:
    guide = declaration.guide
    facts = {
        "Needs": guide.needs,
        "Condition": code(evaluation.requires.condition) if evaluation.requires.condition else "",
        "Cost": guide.cost,
        "Papers": guide.cites,
    }
    return "\n".join(f"* **{name}**: {text}" for name, text in facts.items() if text)


def _chart(name: str, repository: Path) -> str:
    figure = EXAMPLE / f"{name}.svg"
    if not (repository / figure).exists():
        return ""
    told = (
        f"The chart of `{name}` in the report [`reports/inheritance-demo`](../../papers.md#reports-in-the-repository)."
    )
    return f"```{{figure}} ../../../{figure}\n:alt: Example chart of {name}\n:class: example-chart\n\n{told}\n```"


def _reading(declaration: Declaration, evaluation: type[Evaluation]) -> str:
    guide = declaration.guide
    told = [
        guide.reading,
        f"**Chance.** {guide.chance}" if guide.chance else "",
        f"**Control.** {guide.control}" if guide.control else "",
        f"```{{warning}}\n{evaluation.caveats}\n```" if evaluation.caveats else "",
    ]
    return "\n\n".join(filter(None, told))


def _metrics(metrics: tuple[Metric, ...]) -> str:
    """One table, or one for each part of an evaluation with many metrics; differences follow what they are of."""
    tables = [
        (f"**{title[0].upper()}{title[1:]}**\n\n" if title else "") + _metric_table(tuple(group))
        for title, group in groupby(sorted(metrics, key=lambda each: each.table), key=lambda each: each.table)
    ]
    return "\n\n".join(tables)


def _metric_table(metrics: tuple[Metric, ...]) -> str:
    rows = [
        (
            f"{each.title}<br>{code(each.name)}",
            UNITS.get(each.unit, each.unit),
            BETTER[each.higher_is_better],
            each.meaning,
        )
        for each in metrics
    ]
    return table(("metric, and its name in the results", "unit", "better", "meaning"), rows)


def _details(declaration: Declaration) -> str:
    """The docstring of the package, without the question, which stands above."""
    question, _, rest = without_reading_order(body(declaration.doc)).partition("\n\n")
    return rest if one_line(question) == declaration.summary else f"{question}\n\n{rest}"


def _commands(declaration: Declaration, evaluation: type[Evaluation]) -> str:
    name, condition = declaration.name, evaluation.requires.condition
    lines = [f"robustkd evaluate …{_asked(name, condition)}"]
    option = next((each for each in declaration.options if isinstance(each.default, int | float)), None)
    if option is not None:
        lines.append(f"robustkd evaluate … --set {name}.{option.name}={value(option.default)}")
    lines.append(f"robustkd list evaluations {name}")
    return (
        "```sh\n" + "\n".join(lines) + "\n```\n\n"
        f"In a study file: `evaluations: [{name}]`. In Python, "
        f'`rk.evaluate(pool, data, ["{name}"]).results["{name}"]` is a tidy data frame.'
    )


def _asked(name: str, condition: str) -> str:
    """How `robustkd evaluate` comes to ask it alone, and when it asks it without being told to."""
    under = condition or next((each for each, asked in ASKED_UNDER.items() if name in asked), "")
    alone = f" --condition {under} --evaluation {name}" if under else f" --evaluation {name}"
    if name in SUITES["quick"]:
        return f"{alone}    # by default, too"
    if name in SUITES["full"]:
        return f"{alone}    # --suite full asks it, too"
    return alone
