"""`robustkd schema`: the JSON Schema of study files, for editors."""

import json

from robustkd.cli.options import Plugin, load_named_plugins


def schema(plugin: Plugin = None) -> None:
    """Print the JSON Schema of study files, for completion and checks in an editor."""
    load_named_plugins(plugin)
    from robustkd.studies.schema import study_schema

    print(json.dumps(study_schema(), indent=2))
