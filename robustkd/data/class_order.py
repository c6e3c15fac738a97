"""The order of the classes, which is the order of their numbers."""

import re
from collections.abc import Sequence

from robustkd.errors import printable


def ordered(names: Sequence[str], order: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Put class names into order.

    Args:
        names: The names.
        order: ``name``, ``natural``, or None to decide by the names.

    Returns:
        The names, and a sentence if the two orders differ.

    >>> ordered(["0", "1", "10", "2"], None)[0]
    ('0', '1', '2', '10')
    >>> ordered(["c1", "c10", "c2"], None)[0]
    ('c1', 'c10', 'c2')
    """
    orders = {"name": tuple(sorted(names)), "natural": tuple(sorted(names, key=natural_key))}
    taken = order or ("natural" if all(re.fullmatch("[0-9]+", name) for name in names) else "name")
    if orders["name"] == orders["natural"]:
        return orders[taken], ()
    other = "name" if taken == "natural" else "natural"
    whose = {"name": "torchvision's ImageFolder numbers them", "natural": "timm's ImageFolder numbers them"}
    how = {"name": "by name", "natural": "in natural order"}
    sentence = (
        f"classes are numbered {how[taken]}: {_some(orders[taken], orders[other])}; {whose[other]} "
        f"{_some(orders[other], orders[taken])}: if the networks were trained so, add @order={other} to the path"
    )
    return orders[taken], (sentence,)


def natural_key(name: str) -> tuple[tuple[tuple[int, int | str], ...], str]:
    """Return a key that sorts digits by their value, and upper case as lower case, as timm does."""
    parts = re.split(r"([0-9]+)", name.lower())
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in parts if part), name


def _some(names: Sequence[str], other: Sequence[str]) -> str:
    """The names up to the first that differs from another order, at most six from there."""
    first = next(index for index, name in enumerate(names) if name != other[index])
    start = max(0, first - 2)
    shown = [*(["…"] if start else []), *names[start : first + 3]]
    return printable(", ".join([*shown, *(["…"] if first + 3 < len(names) else [])]))
