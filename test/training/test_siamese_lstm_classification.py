from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from skeleton_action_ros.core.errors import ConfigError
from training.siamese_lstm.classification import NEVER, make_classification
from training.siamese_lstm.recipe import ClassificationConfig


def clouds(classes: int, each: int = 12) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Some points around one place a class; the clouds touch."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0.0, 1.5, (classes, 4))
    points = np.repeat(centres, each, axis=0) + rng.normal(0.0, 1.0, (classes * each, 4))
    return points.astype(np.float32), np.repeat(np.arange(classes), each)


def logits_of(module: torch.nn.Module, points: NDArray[np.float32]) -> NDArray[np.float32]:
    with torch.no_grad():
        return np.asarray(module(torch.from_numpy(points)))


@pytest.mark.parametrize('classes', [2, 4])
def test_svm_answers_with_the_margins_of_one_class_against_the_rest(classes: int) -> None:
    points, labels = clouds(classes)
    module = make_classification(ClassificationConfig(penalty=0.5, sharpness=3.0), classes)

    module.fit(points, labels)

    found = logits_of(module, points)
    for number in range(classes):
        alone = SVC(kernel='linear', C=0.5).fit(points, labels == number)
        np.testing.assert_allclose(
            found[:, number], 3.0 * alone.decision_function(points), atol=2e-2
        )


def test_knn_answers_as_that_of_scikit_learn() -> None:
    points, labels = clouds(4)
    asked = np.random.default_rng(1).normal(0.0, 1.5, (40, 4)).astype(np.float32)
    module = make_classification(ClassificationConfig('knn', neighbours=3), 4)

    module.fit(points, labels)

    found = np.exp(logits_of(module, asked))
    wanted = KNeighborsClassifier(3).fit(points, labels).predict_proba(asked)
    np.testing.assert_allclose(found, wanted, atol=2e-3)


def test_of_neighbours_that_differ_the_nearest_counts() -> None:
    points = np.array([[0.0], [1.0], [5.0]], np.float32)
    module = make_classification(ClassificationConfig('knn', neighbours=2), 3)

    module.fit(points, np.array([2, 0, 1]))

    found = logits_of(module, np.array([[0.4], [0.6]], np.float32))
    assert found.argmax(axis=1).tolist() == [2, 0]


def test_of_classes_with_equal_shares_the_one_with_the_nearer_example_comes_first() -> None:
    # Seen from 0: class 2, then 1, 0, 0 and 1; two of class 0, two of class 1, the nearer of 1.
    points = np.array([[1.0], [2.0], [3.0], [4.0], [5.0], [90.0]], np.float32)
    module = make_classification(ClassificationConfig('knn', neighbours=5), 3)

    module.fit(points, np.array([2, 1, 0, 0, 1, 0]))

    (found,) = logits_of(module, np.array([[0.0]], np.float32))
    assert np.argsort(-found).tolist() == [1, 0, 2]
    assert found[1] > found[0]


@pytest.mark.parametrize('method', ['svm', 'knn'])
def test_class_without_example_is_never_named(method: str) -> None:
    points, labels = clouds(3)
    module = make_classification(ClassificationConfig(method), 5)

    module.fit(points, labels + (labels > 0))

    found = logits_of(module, points)
    assert found.shape == (36, 5)
    np.testing.assert_allclose(found[:, [1, 4]], NEVER, rtol=1e-5)


@pytest.mark.parametrize('method', ['svm', 'knn'])
def test_one_class_is_refused(method: str) -> None:
    module = make_classification(ClassificationConfig(method), 5)

    with pytest.raises(ConfigError, match='two classes or more apart, got 1'):
        module.fit(np.zeros((3, 2), np.float32), np.array([1, 1, 1]))
