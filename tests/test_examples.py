"""Every public name has an example in its docstring, and what the example prints is what the docstring says."""

import doctest
import importlib
import inspect
from types import ModuleType

import pytest

import robustkd as rk

MODULES = ("robustkd", "robustkd.metrics", "robustkd.losses")


def examples_of(entry: object, name: str) -> list[doctest.DocTest]:
    """Return the examples of an object and of what it defines: methods of a class, functions of a module."""
    names = {"rk": rk, "robustkd": rk}
    if isinstance(entry, ModuleType):
        names |= vars(entry)
    found = doctest.DocTestFinder(exclude_empty=True).find(entry, name, globs=names)
    return [each for each in found if each.examples]


def own_examples(entry: object) -> bool:
    return ">>>" in (inspect.getdoc(entry) or "")


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_an_example(module: str) -> None:
    home = importlib.import_module(module)
    public = {name: getattr(home, name) for name in home.__all__}

    without = [name for name, entry in public.items() if not own_examples(entry)]

    assert not without


@pytest.mark.parametrize(
    ("module", "name"),
    [(module, name) for module in MODULES for name in ("", *importlib.import_module(module).__all__)],
)
def test_the_example_prints_what_it_shows(module: str, name: str) -> None:
    home = importlib.import_module(module)
    entry = getattr(home, name) if name else home
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    told: list[str] = []

    for example in examples_of(entry, name or module):
        runner.run(example, out=told.append)

    assert runner.failures == 0, "".join(told)
