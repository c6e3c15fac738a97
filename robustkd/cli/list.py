"""`robustkd list`: names, summaries and options, read from the sources without importing them."""

import csv
import re
import sys
from fnmatch import fnmatch
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated

import typer

from robustkd.cli.options import Listing, Plugin, architecture_names, load_named_plugins, names_of
from robustkd.errors import BadInputError, nearest

if TYPE_CHECKING:
    from robustkd.declarations import Declaration, Kind

_KINDS: "dict[Listing, Kind]" = {
    Listing.methods: "method",
    Listing.evaluations: "evaluation",
    Listing.conditions: "condition",
    Listing.datasets: "data set",
}


def _complete_name(context: typer.Context, incomplete: str) -> list[str]:
    kind = context.params.get("kind")
    kind = getattr(kind, "value", kind)
    if kind not in set(Listing):
        return []
    listing = Listing(kind)
    if listing is Listing.claims:
        names = [claim["id"] for claim in _claims()]
    elif listing is Listing.models:
        names = list(architecture_names())
    else:
        names = list(names_of(_KINDS[listing])())
    return [name for name in names if name.startswith(incomplete)]


def list_(
    kind: Annotated[Listing, typer.Argument(metavar="KIND", help="The kind of things to list.")],
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="Show one of them: its formula, papers and options. For models: a pattern, such as 'resnet*'.",
            autocompletion=_complete_name,
        ),
    ] = None,
    plugin: Plugin = None,
) -> None:
    """List methods, evaluations, conditions, data sets, models or claims, or show one of them.

    Example: robustkd list methods hinton
    """
    load_named_plugins(plugin)
    if kind is Listing.models:
        _list_models(name)
    elif kind is Listing.claims:
        _list_claims(name)
    else:
        _list_declared(_KINDS[kind], name)


def _list_declared(kind: "Kind", name: str | None) -> None:
    from robustkd.declarations import declared

    known = declared(kind)
    if name is None:
        _print_rows([(_called(each), _about(each)) for each in known.values()])
        return
    found = known.get(name) or known.get(f"{name.partition(':')[0]}:") or known.get(f"{name.partition('/')[0]}/")
    if found is None:
        raise BadInputError(f"unknown {kind} {name!r}: {nearest(name, known)}")
    _show(found)


def _called(declaration: "Declaration") -> str:
    return declaration.name + {":": "PATH", "/": "NAME"}.get(declaration.name[-1], "")


def _about(declaration: "Declaration") -> str:
    if declaration.kind == "evaluation":
        guide = declaration.guide
        told = (f"Needs: {guide.needs}.", guide.cost, f"({guide.cites})" if guide.cites else "")
        return " ".join(filter(None, (declaration.summary, *told)))
    if declaration.kind == "method":
        guide = declaration.guide
        told = (f"Matches: {guide.matches}.", f"Needs: {guide.needs}.", f"Takes {guide.cost}." if guide.cost else "")
        return " ".join(filter(None, (declaration.summary, *told, f"({guide.cites})" if guide.cites else "")))
    return declaration.summary


def _show(declaration: "Declaration") -> None:
    print(f"{declaration.name} ({declaration.kind})\n")
    print(_without_sections(declaration.doc))
    if declaration.papers:
        print("\npapers:")
        for paper in declaration.papers:
            print(f"  {paper}")
    if declaration.kind == "data set":
        return
    _show_guide(declaration)
    print("\noptions:" if declaration.options else "\nno options")
    for option in declaration.options:
        default = f"default {_value(option.default)}" if option.has_default else "required"
        print(f"  {option.name}: {option.kind}; {default}")
        if option.meaning:
            print(f"      {option.meaning}")


def _show_guide(declaration: "Declaration") -> None:
    guide = declaration.guide
    told = {
        "matches": guide.matches,
        "needs": guide.needs,
        "cost": guide.cost,
        "how to read it": guide.reading,
        "chance": guide.chance,
        "control": guide.control,
    }
    if guide.needs:
        print()
    for title, text in told.items():
        if text:
            print(f"{title}: {text}")


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return "none" if value is None else "{}" if value == {} else str(value)


def _without_sections(doc: str) -> str:
    """A docstring up to its first section of arguments, attributes or the like."""
    return re.split(r"\n+(?:Args|Attributes|Returns|Raises|Yields):\n", doc)[0].strip()


def _list_models(pattern: str | None) -> None:
    from robustkd.declarations import network_names, timm_names

    own, others = network_names(), timm_names()
    if pattern is None:
        print("\n".join(own))
        print(f"and {len(others)} architectures of timm: robustkd list models PATTERN searches them, as in 'resnet*'")
        return
    wildcard = any(sign in pattern for sign in "*?[")
    found = [name for name in (*own, *others) if (fnmatch(name, pattern) if wildcard else pattern in name)]
    if not found:
        raise BadInputError(f"no model matches {pattern!r}: {nearest(pattern, (*own, *others))}")
    print("\n".join(found))


def _list_claims(name: str | None) -> None:
    claims = _claims()
    if name is None:
        _print_rows([(claim["id"], claim["claim"]) for claim in claims])
        return
    found = next((claim for claim in claims if claim["id"] == name), None)
    if found is None:
        raise BadInputError(f"unknown claim {name!r}: {nearest(name, [claim['id'] for claim in claims])}")
    for key, value in found.items():
        print(f"{key.replace('_', ' ')}: {value}")


def _claims() -> list[dict[str, str]]:
    with (files("robustkd.published") / "claims.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _print_rows(rows: list[tuple[str, str]]) -> None:
    """Print two columns; on a terminal the second one is wrapped to its width."""
    width = max(len(name) for name, _ in rows) + 2
    if not sys.stdout.isatty():
        for name, about in rows:
            print(f"{name:<{width}}{about}")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, about in rows:
        table.add_row(name, about)
    Console(highlight=False, markup=False).print(table)
