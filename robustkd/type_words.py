"""Descriptions of types in words, for lists of options."""

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin


def in_words(annotation: Any) -> str:
    """Describe a type in words, for example ``number, above 0``, ``list of whole numbers`` or ``clean or noisy``.

    Args:
        annotation: The type annotation of a dataclass field or an argument.
    """
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return ", ".join([in_words(inner[0]), *_limits(inner[1:])])
    if origin is Literal:
        return " or ".join(map(str, inner))
    if origin in (Union, UnionType):
        return " or ".join("none" if each is NoneType else in_words(each) for each in inner)
    if origin in (tuple, list):
        kinds = [each for each in inner if each is not Ellipsis]
        return f"list of {_plural(in_words(kinds[0]))}" if kinds else "list"
    if origin is dict:
        return "mapping"
    names = {int: "whole number", float: "number", str: "text", bool: "true or false", NoneType: "none"}
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _plural(words: str) -> str:
    head, comma, rest = words.partition(", ")
    return (head + "s" if head.endswith(("number", "text")) else head) + comma + rest


def _limits(metadata: tuple[Any, ...]) -> Iterator[str]:
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    for entry in metadata:
        for limit in getattr(entry, "metadata", (entry,)):
            yield from (f"{word} {getattr(limit, key):g}" for key, word in words.items() if hasattr(limit, key))
