from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
import torch
from training_clips import lifting_samples, tiny_recipe

from training.classifier import Classifier
from training.config import ClassifierRecipe
from training.evaluate import improbabilities
from training.recipes import make_system
from training.system import classified, described
from training.trainer import Trainer


def recipe(steps: int) -> ClassifierRecipe:
    base = tiny_recipe(steps)
    parts = {name: getattr(base, name) for name in asdict(base)}
    return ClassifierRecipe(**{**parts, 'system': 'classifier', 'name': 'tiny-classifier'})


def test_logits_are_scaled_cosines_to_each_class() -> None:
    torch.manual_seed(0)
    network = make_system(recipe(1)).network(['made/a', 'made/b', 'made/c'])
    assert isinstance(network, Classifier)
    joints, mask = torch.randn(4, 8, 15, 3), torch.ones(4, 8, 15)
    network.eval()

    with torch.inference_mode():
        found = network(joints, mask).numpy()
        rows = network.embedder(joints, mask)[0].numpy()

    for b in range(4):
        for c in range(3):
            direction = network.directions[c].detach().numpy()
            cosine = rows[b] @ direction / np.linalg.norm(direction)
            assert found[b, c] == pytest.approx(16.0 * cosine, rel=1e-4)


def test_actions_are_named_after_some_steps() -> None:
    samples = lifting_samples()
    with Trainer(recipe(120), samples) as trainer:
        while not trainer.finished:
            trainer.advance()
    inputs = trainer.system.inputs(samples)

    logits = classified(trainer.system, trainer.average.module, inputs)

    named = [trainer.classes[place] for place in logits.argmax(axis=1)]
    right = [name == sample.action for name, sample in zip(named, samples, strict=True)]
    assert logits.shape == (len(samples), 6)
    assert np.mean(right) > 0.9
    embeddings = described(trainer.system, trainer.average.module, inputs).embeddings
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1.0, atol=1e-5)


def test_improbability_is_minus_the_logarithm_of_the_probability() -> None:
    found = improbabilities(np.array([[0.0, np.log(3.0)], [500.0, -500.0]], np.float32))

    np.testing.assert_allclose(found[0], [np.log(4.0), np.log(4.0 / 3.0)], rtol=1e-5)
    np.testing.assert_allclose(found[1], [0.0, 1000.0], rtol=1e-5)
