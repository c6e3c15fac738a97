"""The table of the options of a method, an evaluation or a condition."""

from generated.markdown import code, table, value
from robustkd.declarations import Declaration, OptionDeclaration


def options_table(declaration: Declaration) -> str:
    """Return the options of a declaration: name, type, default and meaning.

    Args:
        declaration: The declaration.
    """
    if not declaration.options:
        return "None."
    rows = [(code(each.name), each.kind, _default(each), each.meaning) for each in declaration.options]
    return table(("option", "type", "default", "meaning"), rows)


def _default(option: OptionDeclaration) -> str:
    return code(value(option.default)) if option.has_default else "required"
