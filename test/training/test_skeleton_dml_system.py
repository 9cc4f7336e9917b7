from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from training_clips import lifting_samples, standing_clip
from training_runs import resumed_as_if_unbroken

from skeleton_action_ros.core.errors import ConfigError
from training import run
from training.checkpoints import load_checkpoint
from training.config import DataConfig, OptimizerConfig
from training.recipes import SYSTEMS, make_system, recipe_for
from training.resnet import IMAGENET_CLASSES, ResNet18
from training.skeleton_dml.images import sl_dml
from training.skeleton_dml.network import ImageEmbedder, draw_images, resized, rotated
from training.skeleton_dml.recipe import (
    DrawConfig,
    EmbedderConfig,
    ImageConfig,
    MetricConfig,
    SkeletonDmlRecipe,
)
from training.skeleton_dml.system import SkeletonDmlSystem
from training.system import classified, described
from training.trainer import Trainer, choose_rate


def tiny(steps: int = 4, stride: int = 0, **changes: object) -> SkeletonDmlRecipe:
    """Small images and few steps."""
    recipe = SkeletonDmlRecipe(
        'tiny',
        data=DataConfig(train=('made',), validation_stride=stride, simulated_people=0),
        images=ImageConfig(size=32),
        embedder=EmbedderConfig(embedding=16, hidden=32),
        draw=DrawConfig(classes=4, clips_per_class=3),
        optimizer=OptimizerConfig(
            steps=steps, learning_rate=3e-4, warm_up_steps=0, average=0.5, validate_steps=2
        ),
    )
    return replace(recipe, **changes)  # type: ignore[arg-type]


def test_it_is_a_system_of_the_framework() -> None:
    assert SYSTEMS['skeleton-dml'] is SkeletonDmlSystem
    assert isinstance(make_system(tiny()), SkeletonDmlSystem)


def test_default_is_the_best_row_of_table_3_in_small() -> None:
    recipe = SkeletonDmlRecipe('any')

    assert recipe.images == ImageConfig('skeleton-dml', size=64, rotation_deg=5.0)
    assert recipe.embedder == EmbedderConfig(embedding=512, hidden=512, weights='')
    assert recipe.metric.loss == 'multi-similarity'
    assert recipe.optimizer.rates == (1e-3, 3e-4, 1e-4)
    assert recipe.optimizer.steps == 450


def test_published_is_what_section_3_e_says() -> None:
    recipe = recipe_for('ntu120-one-shot', 'skeleton-dml', 'published')

    assert isinstance(recipe, SkeletonDmlRecipe)
    assert recipe.images == ImageConfig('skeleton-dml', size=256, rotation_deg=0.0)
    assert recipe.embedder.embedding == 128
    assert recipe.embedder.weights
    assert recipe.draw.classes * recipe.draw.clips_per_class == 32
    assert recipe.metric.loss == 'multi-similarity'
    assert (recipe.metric.miner_epsilon, recipe.metric.margin) == (0.05, 0.1)
    # Neither loss is weighted against the other.
    assert recipe.metric.classifier == 0.5
    config = recipe.optimizer
    # 100 epochs of 100 classes: 100 x 95,400 / 32.
    assert config.steps == 298_125
    assert (config.learning_rate, config.schedule, config.weight_decay) == (1e-6, 'constant', 0.0)
    assert config.rates == ()
    assert (config.warm_up_steps, config.average) == (0, 0.0)
    # It is never stopped: with fewer measurements than patience.
    assert config.steps / config.validate_steps < config.patience
    system = make_system(recipe)
    assert [system.learning_rate(step) for step in (0, 1000, 298_124)] == [1e-6] * 3
    assert isinstance(system.optimizer(torch.nn.Linear(2, 2)), torch.optim.RMSprop)


@pytest.mark.parametrize('embedding', [128, 256, 512])
def test_embedder_has_two_layers_and_a_classifier_beside_it(embedding: int) -> None:
    network = ImageEmbedder(EmbedderConfig(embedding=embedding), classes=20)

    trunk = sum(parameter.numel() for parameter in network.trunk.parameters())
    whole = sum(parameter.numel() for parameter in network.parameters())
    assert trunk == 11_176_512
    two_layers = 512 * 512 + 512 + 512 * embedding + embedding
    assert whole == trunk + two_layers + embedding * 20 + 20
    embeddings, logits = network.eval()(torch.rand(2, 3, 32, 32))
    assert embeddings.shape == (2, embedding)
    assert logits.shape == (2, 20)


def test_network_starts_from_a_file_that_the_user_names(tmp_path: Path) -> None:
    torch.manual_seed(5)
    weights = ResNet18(IMAGENET_CLASSES).state_dict()
    torch.save(weights, tmp_path / 'imagenet.pth')
    recipe = tiny(embedder=EmbedderConfig(weights=str(tmp_path / 'imagenet.pth')))

    with Trainer(recipe, lifting_samples(people=2)) as trainer:
        network = trainer.average.module
        trainer.save(tmp_path / 'checkpoint.pt')

    assert isinstance(network, ImageEmbedder)
    assert torch.equal(network.trunk.layer4[1].conv2.weight, weights['layer4.1.conv2.weight'])
    (tmp_path / 'imagenet.pth').unlink()
    measured = load_checkpoint(tmp_path / 'checkpoint.pt').model()
    assert isinstance(measured, ImageEmbedder)
    assert torch.equal(measured.trunk.conv1.weight, weights['conv1.weight'])


def test_weights_that_are_missing_are_asked_for_before_any_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = recipe_for('ntu120-one-shot', 'skeleton-dml', 'published')

    with pytest.raises(
        ConfigError,
        match=r"no file resnet18-imagenet\.pth; put .* torchvision's state dictionary .* "
        r'or name it by --set embedder\.weights=FILE',
    ):
        make_system(recipe).weights_file()
    with pytest.raises(SystemExit):
        run.main(['ntu120-one-shot', '--system', 'skeleton-dml', '--variant', 'published'])
    assert 'there is no file resnet18-imagenet.pth' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_image_made_larger_lies_between_its_pixels() -> None:
    image = np.array([[[0, 0, 90], [100, 0, 90]], [[200, 40, 90], [100, 40, 90]]], np.uint8)

    found = resized(image, 4)

    assert found.shape == (3, 4, 4)
    assert found[1, :, 0].tolist() == [0, 10, 30, 40]
    assert found[0, 0].tolist() == [0, 25, 75, 100]
    assert (found[2] == 90).all()


def test_image_made_smaller_is_averaged() -> None:
    image = np.zeros((4, 200, 3), np.uint8)
    image[:, ::2] = 100

    found = resized(image, 4)

    assert np.abs(found.astype(int) - 50).max() <= 1


def test_images_show_the_clip_as_the_camera_saw_it_and_hide_what_was_not_seen() -> None:
    clip = standing_clip(32)
    clip.confidence[:, 4] = 0.0
    hidden = clip.joints_m.copy()
    hidden[:, 4] = 0.0

    (found,) = draw_images([clip], 'sl-dml', 32)

    np.testing.assert_array_equal(found, resized(sl_dml(hidden), 32))
    assert clip.joints_m[:, 4].any()


def test_quarter_turn_moves_every_pixel() -> None:
    images = torch.arange(2 * 3 * 16.0).reshape(2, 3, 4, 4)

    found = rotated(images, np.array([90.0, 0.0]))

    wanted = torch.zeros(3, 4, 4)
    for row in range(4):
        for column in range(4):
            wanted[:, row, column] = images[0, :, column, 3 - row]
    torch.testing.assert_close(found[0], wanted)
    torch.testing.assert_close(found[1], images[1])


def test_small_turn_is_black_at_the_corners_only() -> None:
    found = rotated(torch.ones(1, 1, 64, 64), np.array([5.0]))[0, 0]

    assert found[0, 0] == found[-1, -1] == 0.0
    assert bool((found[8:-8, 8:-8] == 1.0).all())
    assert 0.9 < float(found.mean()) < 1.0


def test_batches_hold_some_classes_and_depend_on_the_step_alone() -> None:
    samples = lifting_samples()
    batches = make_system(tiny()).batches(samples)

    first, again, second = batches.at(3), batches.at(3), batches.at(4)

    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.degrees, again.degrees)
    assert not np.array_equal(first.images, second.images)
    assert sorted(Counter(first.classes.tolist()).values()) == [3, 3, 3, 3]
    assert np.abs(first.degrees).max() <= 5.0
    assert len(np.unique(first.degrees)) == 12
    names = sorted({sample.action for sample in samples})
    for image, number in zip(first.images, first.classes, strict=True):
        own = [sample.clip for sample in samples if sample.action == names[number]]
        assert any((image == other).all() for other in draw_images(own, 'skeleton-dml', 32))


def test_batch_is_of_one_data_set_each_as_often_as_the_other() -> None:
    first = lifting_samples(people=2)
    few = sorted({sample.action for sample in first})[:2]
    second = [replace(sample, dataset='few') for sample in first if sample.action in few]
    names = sorted({sample.action for sample in [*first, *second]})
    batches = make_system(tiny()).batches([*first, *second])

    of_few = 0
    for step in range(200):
        batch = batches.at(step)
        own = {names[number].partition('/')[0] for number in batch.classes}
        assert len(own) == 1
        (dataset,) = own
        assert batch.possible.tolist() == [name.startswith(f'{dataset}/') for name in names]
        # 4 classes, or all that there are.
        assert len(np.unique(batch.classes)) == (2 if dataset == 'few' else 4)
        of_few += dataset == 'few'

    # 200 throws of a coin are within 70 and 130 but once in a hundred thousand times.
    assert 70 < of_few < 130


@pytest.mark.parametrize('loss', ['multi-similarity', 'triplet-margin'])
def test_one_batch_is_learned_by_heart(loss: str) -> None:
    torch.manual_seed(0)
    samples = lifting_samples(people=2)
    names = sorted({sample.action for sample in samples})
    system = make_system(tiny(metric=MetricConfig(loss=loss)))
    network, batch = system.network(names), system.batches(samples).at(0)
    optimizer = system.optimizer(network)

    losses = []
    for _ in range(12):
        losses.append(system.loss(network, batch))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()

    assert losses[-1].item() < 0.5 * losses[0].item()


def test_clips_are_described_by_unit_length_and_named_by_logits() -> None:
    samples = lifting_samples(people=1)
    system = make_system(tiny())
    network = system.network(['made/a', 'made/b', 'made/c'])
    inputs = system.inputs(samples)

    found = described(system, network, inputs)
    logits = classified(system, network, inputs)

    assert found.embeddings.shape == (len(samples), 16)
    assert found.tokens.shape[1] == 0
    np.testing.assert_allclose(np.linalg.norm(found.embeddings, axis=1), 1.0, atol=1e-5)
    assert isinstance(network, ImageEmbedder)
    images = torch.from_numpy(draw_images([samples[3].clip], 'skeleton-dml', 32)) / 255.0
    with torch.inference_mode():
        embedding, wanted = network.eval()(images)
    np.testing.assert_allclose(logits[3], wanted[0].numpy(), atol=1e-4)
    embedding = embedding[0].numpy()
    np.testing.assert_allclose(
        found.embeddings[3], embedding / np.sqrt((embedding**2).sum()), atol=1e-4
    )


def test_resumed_run_equals_an_unbroken_one(tmp_path: Path) -> None:
    recipe, samples = tiny(steps=4, stride=3), lifting_samples(people=2)
    resumed_as_if_unbroken(recipe, samples, tmp_path / 'checkpoint.pt')

    assert load_checkpoint(tmp_path / 'checkpoint.pt').recipe == recipe


def test_rate_that_does_best_on_validation_classes_is_taken() -> None:
    recipe = tiny(stride=3)
    # By 1e9 all weights are lost at the first step, and no clip is told from another.
    rates = (1e9, 1e-4)
    recipe = replace(recipe, optimizer=replace(recipe.optimizer, rates=rates, rate_steps=2))

    with choose_rate(recipe, lifting_samples(people=2)) as trainer:
        assert set(trainer.tried) == {'1000000000.0', '0.0001'}
        assert trainer.recipe.optimizer.learning_rate == 1e-4
        assert len(trainer.classes) == 4
        assert not {sample.action for sample in trainer.validation} & set(trainer.classes)
