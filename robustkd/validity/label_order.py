"""Whether the data numbers the classes as the network does."""

import numpy as np

from robustkd.results.predictions import Predictions
from robustkd.results.records import Check
from robustkd.statistics.significance import mcnemar

FAR = 0.1
"""The gain in accuracy, as a fraction, by which another order of the classes is far better."""

SURE = 1e-4
"""The largest p-value of that gain: no network is accused by chance."""

NAMED = 3
"""The number of classes that are named."""


def label_order(name: str, predictions: Predictions, class_names: tuple[str, ...]) -> Check:
    """Check that no other order of the classes makes a network far more accurate.

    Data sets number the classes of a folder by name, by number, or as a file says. With another order than in training,
    a good network seems to be a bad one. The best order, one class for each, is found on half of the images (as an
    assignment problem on their confusion matrix) and judged on the other half, so that it fits nothing by chance.

    Args:
        name: The name of the member.
        predictions: Its predictions for the test images.
        class_names: The names of the classes.
    """
    title = "classes in the network's order"
    half = np.random.default_rng(0).random(len(predictions.labels)) < 0.5
    chosen = best_order(predictions.predicted[half], predictions.labels[half], len(class_names))
    order = np.argsort(chosen)  # the class that each output most likely means
    other, own = order[predictions.predicted] == predictions.labels, predictions.correct
    judged = other[~half], own[~half]
    if half.all() or judged[0].mean() - judged[1].mean() < FAR or mcnemar(*judged) > SURE:
        return Check(title, True, f"no other order of the classes makes {name} far more accurate", name)
    moved = [(given, int(meant)) for given, meant in enumerate(order) if given != meant]
    counted = np.bincount(predictions.predicted, minlength=len(class_names))
    moved.sort(key=lambda pair: (-counted[pair[0]], pair[1]))
    named = ", ".join(
        f"class {class_names[meant]!r} is predicted as {class_names[given]!r}" for given, meant in moved[:NAMED]
    )
    more = f" and {len(moved) - NAMED} more" if len(moved) > NAMED else ""
    return Check(
        title,
        False,
        f"the labels look permuted: {named}{more}; in the order that {name} seems to use, its accuracy is "
        f"{100 * other.mean():.1f} % instead of {100 * own.mean():.1f} %",
        name,
    )


def best_order(predicted: np.ndarray, labels: np.ndarray, classes: int, outputs: int | None = None) -> np.ndarray:
    """Find the output of a network that most likely means each class, a different one for each.

    Args:
        predicted: The output with the largest logit for each image, int (N,).
        labels: The class of each image, int (N,).
        classes: The number of classes, K.
        outputs: The number of outputs, at least K; None for K.

    Returns:
        int (K,). Among equally good orders it is the one that leaves classes in their place.
    """
    from scipy.optimize import linear_sum_assignment

    confusion = np.zeros((classes, outputs or classes))
    np.add.at(confusion, (labels, predicted), 1)
    return np.asarray(linear_sum_assignment(-(confusion + 1e-6 * np.eye(*confusion.shape)))[1])
