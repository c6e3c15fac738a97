import numpy as np

from robustkd.evaluations.transferability.matrix import robust, success_matrix


def test_the_matrix_equals_a_plain_count_over_pairs_and_images() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 50)
    clean = np.where(random.random((4, 50)) < 0.7, labels, random.integers(0, 3, (4, 50)))
    adversarial = random.integers(0, 3, (4, 4, 50))

    found = success_matrix({"label": labels, "clean": clean, "adversarial": adversarial})

    for source in range(4):
        for target in range(4):
            fooled = both = 0
            for image in range(50):
                if clean[source, image] == labels[image] == clean[target, image]:
                    both += 1
                    fooled += adversarial[source, target, image] != labels[image]
            assert found[source, target] == fooled / both


def test_the_worst_case_needs_every_attack_and_the_clean_image_withstood() -> None:
    arrays = {
        "label": np.array([0, 0, 0, 0]),
        "clean": np.array([[0, 1, 0, 0]]),
        "adversarial": np.array([[[0, 0, 1, 0]]]),
        "own": np.array([[[0, -1, -1, 1]]]),
    }

    np.testing.assert_array_equal(robust(arrays), [[True, False, False, False]])
