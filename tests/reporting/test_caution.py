import numpy as np

from robustkd.reporting.caution import caution
from robustkd.results.mean_over_images import per_image_rows
from robustkd.results.metric import Metric
from robustkd.results.result import Result
from robustkd.results.tidy import tidy

from ..conftest import members

ACCURACY = Metric("accuracy", "Accuracy", "fraction", True, "")
OVER_IMAGES = (
    "Where a method has fewer than 3 seeds, intervals cover the test images, not what another training of the same "
    "method would give."
)


def result(name: str, **seeds: int) -> Result:
    """Results of methods of so many seeds; the one called baseline is the baseline."""
    rows = [
        ("baseline" if method == "baseline" else "student", method, "net", seed)
        for method, count in seeds.items()
        for seed in range(count)
    ]
    who = members(*rows)
    frame = tidy(per_image_rows(who, {"accuracy": np.ones((len(who), 4), dtype=bool)}, (ACCURACY,)))
    return Result(name, frame.assign(group=""), (), {})


def test_with_three_seeds_each_there_is_nothing_to_say() -> None:
    assert caution([result("generalization", baseline=3, at=3)]) == ""


def test_of_methods_trained_once_differences_are_between_networks() -> None:
    assert caution([result("generalization", baseline=1, at=1)]) == (
        f"Each method was trained once: differences are between these networks, not between methods. {OVER_IMAGES}"
    )


def test_methods_trained_once_are_distinguished_from_others() -> None:
    assert caution([result("generalization", baseline=3, at=1)]) == (
        "Some methods were trained once: their differences to others are between networks, not methods. " + OVER_IMAGES
    )


def test_two_seeds_do_not_show_what_another_training_would_give() -> None:
    assert caution([result("generalization", baseline=2, at=3)]) == (
        "Some methods were trained with fewer than 3 seeds: their differences to others are between networks, not "
        f"methods. {OVER_IMAGES}"
    )


def test_an_evaluation_that_looks_at_one_network_of_each_method_is_named() -> None:
    found = [result("generalization", baseline=3, at=3), result("transferability", baseline=1, at=1)]

    assert caution(found) == (
        "Adversarial transferability looks at one network of each method: its differences are between networks, not "
        f"methods. {OVER_IMAGES}"
    )
