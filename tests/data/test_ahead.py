import threading
from collections.abc import Iterator

import pytest

from robustkd.data.ahead import one_ahead


def test_items_come_in_order() -> None:
    assert list(one_ahead(iter(range(5)))) == [0, 1, 2, 3, 4]
    assert list(one_ahead(iter([None, None]))) == [None, None]
    assert list(one_ahead(iter(()))) == []


def test_the_next_item_is_made_while_the_last_is_used() -> None:
    made = [threading.Event() for _ in range(3)]

    def items() -> Iterator[int]:
        for index, event in enumerate(made):
            event.set()
            yield index

    following = one_ahead(items())
    next(following)

    assert made[1].wait(timeout=10)
    assert not made[2].is_set()


def test_an_error_comes_where_its_item_would() -> None:
    def items() -> Iterator[int]:
        yield 0
        raise ValueError("broken")

    following = one_ahead(items())

    assert next(following) == 0
    with pytest.raises(ValueError, match="broken"):
        next(following)
