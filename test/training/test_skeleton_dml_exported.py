"""Skeleton-DML as a robot loads it, and the image that is a drawing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from training_clips import lifting_samples, standing_clip

from skeleton_action_ros.core.errors import ConfigError
from skeleton_action_ros.core.gallery import Gallery, Template
from skeleton_action_ros.core.preprocess import PreprocessConfig, prepare
from skeleton_action_ros.core.recognition import Recognizer, RecognizerConfig
from training.bundle import Promise, write_bundle
from training.recipes import make_system, recipe_for
from training.skeleton_dml.exported import ExportedEmbedder, resizing
from training.skeleton_dml.network import draw_images, resized
from training.skeleton_dml.recipe import EmbedderConfig, ImageConfig, SkeletonDmlRecipe
from training.skeleton_dml.signals import SIDE, gimme_signals, hue
from training.system import described

FRAMES = 12
RECIPE = SkeletonDmlRecipe(
    'tiny',
    images=ImageConfig(size=32, prepared=True),
    embedder=EmbedderConfig(embedding=16, hidden=32),
    preprocess=PreprocessConfig(frames=FRAMES),
)


def exported(recipe: SkeletonDmlRecipe) -> ExportedEmbedder:
    torch.manual_seed(3)
    system = make_system(recipe)
    found = system.exported(system.network(['made/a', 'made/b']).eval())
    assert isinstance(found, ExportedEmbedder)
    return found.eval()


@pytest.mark.parametrize(('rows', 'columns'), [(15, 48), (29, 20), (4, 100)])
def test_matrices_resize_as_images_are_resized(rows: int, columns: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (rows, columns, 3)).astype(np.uint8)

    levels = torch.from_numpy(image).float().permute(2, 0, 1)
    found = resizing(rows, 32) @ levels @ resizing(columns, 32).T

    np.testing.assert_array_equal(found.round().numpy(), resized(image, 32))


@pytest.mark.parametrize('representation', ['skeleton-dml', 'sl-dml', 'tssi'])
def test_image_in_the_graph_is_the_one_learned_from(representation: str) -> None:
    images = replace(RECIPE.images, representation=representation)
    recipe = replace(RECIPE, images=images)
    clips = [sample.clip for sample in lifting_samples(people=1)[:6]]
    clips[2].confidence[:, 4] = 0.0
    joints, mask = (
        torch.from_numpy(np.stack(part))
        for part in zip(*(prepare(clip, recipe.preprocess) for clip in clips), strict=True)
    )

    found = exported(recipe).image(joints, mask).numpy() * 255.0

    wanted = draw_images(clips, representation, 32, recipe.preprocess)
    assert np.abs(found - wanted).max() <= 1.51
    assert np.abs(found - wanted).mean() < 0.5


def test_clip_of_one_value_is_black() -> None:
    found = exported(RECIPE).image(torch.zeros(1, FRAMES, 15, 3), torch.ones(1, FRAMES, 15))

    assert found.shape == (1, 3, 32, 32)
    assert not found.any()


def test_bundle_is_loaded_and_recognises_what_it_was_taught(tmp_path: Path) -> None:
    samples = lifting_samples(people=1)
    network = exported(RECIPE)

    model = write_bundle(
        tmp_path / 'made',
        network,
        Promise(RECIPE.preprocess, 0.9),
        about={},
        largest_bytes=make_system(RECIPE).largest_bytes,
    )

    system = make_system(RECIPE)
    learned = described(system, network.embedder, system.inputs(samples)).embeddings
    joints, mask = zip(*(prepare(one.clip, RECIPE.preprocess) for one in samples), strict=True)
    loaded = model.infer(np.stack(joints), np.stack(mask)).embeddings
    assert loaded.shape == (len(samples), 16)
    assert ((loaded * learned).sum(axis=1) > 0.999).all()
    gallery = Gallery()
    for number, sample in enumerate(samples[:2]):
        label = f'action {number}'
        gallery = gallery.add(Template(label, label, sample.clip, 0.0, 1, 'test'))
    recognizer = Recognizer(model, RecognizerConfig())
    assert recognizer.set_gallery(gallery) == []
    assert recognizer.labels == ('action 0', 'action 1')


def test_what_no_graph_draws_is_not_exported() -> None:
    system = make_system(replace(RECIPE, images=replace(RECIPE.images, prepared=False)))
    with pytest.raises(ConfigError, match='train it with --variant prepared'):
        system.exported(system.network(['made/a', 'made/b']))

    skepxels = replace(RECIPE, images=replace(RECIPE.images, representation='skepxels'))
    with pytest.raises(ConfigError, match=r"skeleton-dml, sl-dml, tssi .* not 'skepxels'"):
        exported(skepxels)


def test_variant_of_the_bundle_sees_prepared_joints() -> None:
    recipe = recipe_for('utd-15', 'skeleton-dml', 'prepared')

    assert isinstance(recipe, SkeletonDmlRecipe)
    assert recipe.images.prepared
    assert recipe.preprocess == make_system(recipe).preprocess


def test_signals_are_lines_of_all_hues_that_cover_a_fifth() -> None:
    # The first coordinate stays where its line is in the middle of row 64 of 128, with a margin of
    # a twentieth; another is 1, and all others are 0: the greatest and the least value.
    joints = np.zeros((50, 15, 3), np.float32)
    joints[:, 0, 0] = ((127 - 63) / 127 - 0.05) / 0.9
    joints[:, 1, 0] = 1.0
    alone = np.zeros((128, 128), np.uint8)
    cv2.line(alone, (6, 63), (121, 63), 255, 1, cv2.LINE_AA)

    found = gimme_signals(joints)

    assert found.shape == (128, 128, 3)
    assert found.dtype == np.uint8
    assert (found[:4] == 255).all()
    # The first of 45 signals is red: a fifth of red on white, as far as the line covers a pixel.
    np.testing.assert_allclose(hue(0, 45), [255.0, 0.0, 0.0])
    covers = alone[60:67, 64] / 255.0
    assert covers.max() > 0.8
    assert (found[60:67, 64, 0] == 255).all()
    for channel in (1, 2):
        # OpenCV draws a line of many pieces a little thinner than one of one.
        np.testing.assert_allclose(found[60:67, 64, channel], 255.0 * (1.0 - 0.2 * covers), atol=4)
    # The other 43 lie on one another, a twentieth above the lower edge, and hide the white.
    assert found[127 - 6, 64].max() < 255
    assert (found[125:] == 255).all()


def test_signals_of_somebody_who_stands_still_are_level() -> None:
    found = gimme_signals(standing_clip(20).joints_m)

    drawn = (found[:, SIDE // 4 : 3 * SIDE // 4] < 250).any(axis=2)
    assert (drawn == drawn[:, :1]).all()
    assert drawn.any()
