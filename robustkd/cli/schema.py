"""`robustkd schema`: the JSON Schemas of study files, for editors, and of distillation statements, for programs."""

import json
from typing import Annotated

import typer

from robustkd.cli.options import Plugin, Schema, load_named_plugins


def schema(
    of: Annotated[Schema, typer.Argument(help="The files that it describes.")] = Schema.study,
    plugin: Plugin = None,
) -> None:
    """Print the JSON Schema of study files, for completion and checks in an editor, or of statement.json."""
    load_named_plugins(plugin)
    if of is Schema.statement:
        from robustkd.reporting.statement.as_json import statement_schema

        print(json.dumps(statement_schema(), indent=2))
    else:
        from robustkd.studies.schema import study_schema

        print(json.dumps(study_schema(), indent=2))
