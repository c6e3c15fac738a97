"""`robustkd gate`: do the numbers of a run meet requirements?"""

import os
from pathlib import Path
from typing import Annotated

import typer

from robustkd.cli.options import Plugin, load_named_plugins
from robustkd.errors import BadInputError, printable


def gate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")],
    require: Annotated[
        list[str] | None,
        typer.Option(
            "--require",
            metavar="REQUIREMENT",
            help="[STUDENT:]METRIC[.low|.high][@CONDITION] OPERATOR NUMBER[%], as in 'accuracy_drop <= 1%'; "
            "repeatable. It holds for every student unless one is named.",
            show_default=False,
        ),
    ] = None,
    requirements: Annotated[
        Path | None, typer.Option(help="A YAML file with the key requirements, a list.", show_default=False)
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML to this file.", show_default=False)] = None,
    summary: Annotated[
        Path | None,
        typer.Option(help="Write a summary in Markdown to this file.", show_default="$GITHUB_STEP_SUMMARY, if set"),
    ] = None,
    plugin: Plugin = None,
) -> None:
    """Check requirements on the numbers of a run; if one is not met, exit with code 1.

    METRIC is evaluation.metric, a metric that one evaluation of the run has, or a drop: accuracy_drop is how much less
    accurate a student is than its teacher, worst_group_drop the same for the worst group. A number that is absent, or
    void because a validity check failed, meets no requirement.

    Example: robustkd gate runs/study --require 'accuracy_drop <= 1%' --require 'kd:fidelity.agreement.low >= 0.8'
    """
    load_named_plugins(plugin)
    from robustkd.atomic import write_text
    from robustkd.reporting.gate import judge, load_requirements, parsed_requirement
    from robustkd.reporting.gate.junit import junit_xml
    from robustkd.reporting.gate.lines import conclusion, summary_markdown, verdict_line
    from robustkd.reporting.run import read_run

    asked = [parsed_requirement(text) for text in require or ()]
    asked += load_requirements(requirements) if requirements is not None else []
    if not asked:
        raise BadInputError("nothing is required: give --require 'accuracy_drop <= 1%' or --requirements FILE")
    known = read_run(run)
    verdicts = judge(known, asked)
    notes = [f"Missing: {name}: {why}" for name, why in known.provenance.get("missing", {}).items()]
    for line in (*map(verdict_line, verdicts), *notes, conclusion(verdicts)):
        print(printable(line))
    if junit is not None:
        write_text(junit, junit_xml(known.name, verdicts, notes))
    told = summary_markdown(known.name, verdicts, notes)
    if summary is not None:
        write_text(summary, told)
    elif os.environ.get("GITHUB_STEP_SUMMARY"):
        with open(os.environ["GITHUB_STEP_SUMMARY"], "a", encoding="utf-8") as file:  # steps share this file
            file.write(told)
    if not all(verdict.met for verdict in verdicts):
        raise typer.Exit(1)
