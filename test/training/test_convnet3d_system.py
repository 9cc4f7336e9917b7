from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from training_clips import lifting_samples

from skeleton_action_ros.adapters.onnx_bundle import CPU, load_bundle
from skeleton_action_ros.core.errors import ConfigError
from skeleton_action_ros.core.preprocess import PreprocessConfig, prepare
from training.bundle import Promise, write_bundle
from training.config import OptimizerConfig
from training.convnet3d.network import TwoSteps
from training.convnet3d.recipe import (
    ConvNet3dRecipe,
    FramesConfig,
    LabellerConfig,
    StretchConfig,
)
from training.convnet3d.system import ConvNet3dSystem, lengthened
from training.recipes import SYSTEMS, make_system
from training.system import classified
from training.trainer import Trainer


def tiny(steps: int = 4, *, cells: int = 6) -> ConvNet3dRecipe:
    """Drawn skeletons, few frames, few steps."""
    return ConvNet3dRecipe(
        'tiny',
        protocol='default',
        preprocess=PreprocessConfig(frames=11),
        frames=FramesConfig(source='drawn', contrast=False, flips=False, mirrors=False),
        stretch=StretchConfig(clips=6, frames=10, sequence_frames=10),
        labeller=LabellerConfig(cells=cells, steps=steps // 2, learning_rate=1e-2),
        optimizer=OptimizerConfig(
            steps=steps, learning_rate=5e-3, warm_up_steps=0, average=0.5, validate_steps=2
        ),
    )


def test_it_is_a_system_of_the_framework() -> None:
    assert SYSTEMS['convnet3d'] is ConvNet3dSystem
    assert isinstance(make_system(tiny()), ConvNet3dSystem)


def test_batches_are_stretches_of_clips_and_depend_on_the_step_alone() -> None:
    samples = lifting_samples(people=1)
    recipe = tiny()
    system = make_system(recipe)
    batches = system.batches(samples)

    first, again, other = batches.at(0), batches.at(0), batches.at(2)

    np.testing.assert_array_equal(first.frames, again.frames)
    assert not np.array_equal(first.frames, other.frames)
    assert first.frames.shape == (6, 10, 54, 34)
    assert first.windows.tolist() == [2] * 6
    assert (first.labelling, other.labelling) == (False, True)
    clips, _ = system.inputs(samples)
    names = sorted({sample.action for sample in samples})
    for frames, number in zip(first.frames, first.classes, strict=True):
        own = [
            clip
            for clip, sample in zip(clips, samples, strict=True)
            if sample.action == names[number]
        ]
        assert any(np.array_equal(frames, clip[at : at + 10]) for clip in own for at in (0, 1))


def test_training_clips_come_upside_down_and_mirrored_and_both() -> None:
    samples = lifting_samples(people=1, repeats=1)[:1]
    recipe = replace(
        tiny(),
        frames=FramesConfig(source='drawn'),
        stretch=StretchConfig(clips=24, frames=11),
    )
    system = make_system(recipe)

    batch = system.batches(samples).at(0)

    ((clip,), _) = system.inputs(samples)
    wanted = [clip, clip[:, ::-1], clip[:, :, ::-1], clip[:, ::-1, ::-1]]
    found = {
        next(place for place, image in enumerate(wanted) if np.array_equal(frames, image))
        for frames in batch.frames
    }
    assert found == {0, 1, 2, 3}


def test_short_clip_goes_on_with_its_last_frame() -> None:
    clip = np.arange(7, dtype=np.float16).reshape(7, 1, 1)

    assert lengthened(clip, 9).flatten().tolist() == [0, 1, 2, 3, 4, 5, 6, 6, 6]
    assert lengthened(clip, 5) is clip


def test_windows_past_the_end_of_a_clip_do_not_count() -> None:
    samples = lifting_samples(people=1)
    system = make_system(tiny(cells=0))
    torch.manual_seed(0)
    network = system.network(sorted({sample.action for sample in samples}))
    batch = system.batches(samples).at(0)
    first = replace(batch, frames=batch.frames[:, :9], windows=np.ones(6, np.int64))

    cut = system.loss(network, replace(batch, windows=np.ones(6, np.int64)))

    torch.testing.assert_close(cut, system.loss(network, first))
    assert not torch.isclose(cut, system.loss(network, batch))


def test_convnet_learns_first_and_is_held_while_the_lstm_learns() -> None:
    samples = lifting_samples(people=1)
    with Trainer(tiny(steps=4), samples) as trainer:
        assert isinstance(trainer.model, TwoSteps)
        assert trainer.model.labeller is not None

        def weights() -> tuple[torch.Tensor, torch.Tensor]:
            assert trainer.model.labeller is not None
            return (
                trainer.model.convnet.c1.weight.detach().clone(),
                trainer.model.labeller.out.weight.detach().clone(),
            )

        seen = [weights()]
        for _ in range(4):
            trainer.advance()
            seen.append(weights())

    convnet, labeller = zip(*seen, strict=True)
    moved = [not torch.equal(*pair) for pair in itertools.pairwise(convnet)]
    taught = [not torch.equal(*pair) for pair in itertools.pairwise(labeller)]
    assert moved == [True, True, False, False]
    assert taught == [False, False, True, True]


def test_run_resumed_where_the_lstm_begins_equals_an_unbroken_one(tmp_path: Path) -> None:
    samples = lifting_samples(people=1)
    with Trainer(tiny(), samples) as unbroken:
        for _ in range(4):
            unbroken.advance()
    with Trainer(tiny(), samples) as first:
        for _ in range(2):
            first.advance()
        first.save(tmp_path / 'checkpoint.pt')

    with Trainer(tiny(), samples) as second:
        second.restore(tmp_path / 'checkpoint.pt')
        for _ in range(2):
            second.advance()

    assert second.history == unbroken.history
    for name, value in second.average.state_dict().items():
        assert torch.equal(value, unbroken.average.state_dict()[name]), name


@pytest.mark.parametrize('labelling', [False, True])
def test_one_batch_is_learned_by_heart(labelling: bool) -> None:
    torch.manual_seed(0)
    samples = lifting_samples(people=1)
    system = make_system(tiny())
    network = system.network(sorted({sample.action for sample in samples}))
    batch = replace(system.batches(samples).at(0), labelling=labelling)
    optimizer = system.optimizer(network)
    optimizer.param_groups[0]['lr'] = 0.03 if labelling else 0.005

    losses = []
    for _ in range(40):
        losses.append(system.loss(network, batch))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()

    assert losses[-1].item() < 0.5 * losses[0].item()


def test_each_network_has_a_learning_rate_that_falls() -> None:
    recipe = tiny(steps=8)
    system = make_system(recipe)

    rates = [system.learning_rate(step) for step in range(8)]

    assert rates[0] == pytest.approx(5e-3)
    assert rates[4] == pytest.approx(1e-2)
    assert rates[:4] == sorted(rates[:4], reverse=True)
    assert rates[4:] == sorted(rates[4:], reverse=True)


def test_clips_of_different_lengths_are_named_as_each_alone() -> None:
    samples = lifting_samples(people=1)[:4]
    system = make_system(tiny())
    torch.manual_seed(1)
    network = system.network(['made/a', 'made/b', 'made/c'])
    frames, lengths = system.inputs(samples)
    lengths = np.array([11, 9, 11, 10])

    found = classified(system, network, (frames, lengths))

    with torch.inference_mode():
        for number, length in enumerate(lengths):
            alone = network(torch.from_numpy(frames[number : number + 1, :length]).float())
            np.testing.assert_allclose(found[number], alone[0].numpy(), atol=1e-4)


@pytest.mark.parametrize('cells', [0, 6])
def test_bundle_of_drawn_skeletons_is_loaded_by_the_recogniser(tmp_path: Path, cells: int) -> None:
    samples = lifting_samples(people=1)
    names = sorted({sample.action for sample in samples})
    system = make_system(tiny(cells=cells))
    torch.manual_seed(0)
    network = system.network(names)
    labels = tuple(name.partition('/')[2] for name in names)

    write_bundle(
        tmp_path / 'drawn',
        system.exported(network),
        Promise(system.preprocess, 0.5, labels=labels),
        about={},
    )

    model = load_bundle(tmp_path / 'drawn', providers=[CPU])
    assert (model.kind, model.labels) == ('classifier', labels)
    wanted = classified(system, network, system.inputs(samples))
    for sample, row in zip(samples[:3], wanted, strict=False):
        joints, mask = prepare(sample.clip, system.preprocess)
        found = model.outputs(joints[None], mask[None])['logits'][0]
        # Training keeps its drawings in half precision.
        np.testing.assert_allclose(found, row, atol=0.02)


def test_network_that_sees_video_has_no_bundle() -> None:
    system = make_system(replace(tiny(), frames=FramesConfig(source='video')))

    with pytest.raises(ConfigError, match='takes prepared joints, and this network takes video'):
        system.exported(system.network(['made/a', 'made/b']))


def test_it_names_and_does_not_compare() -> None:
    system = make_system(tiny())

    with pytest.raises(ConfigError, match='names clips and does not compare'):
        system.describe(system.network(['made/a']), ())


def test_network_whose_lstm_has_not_learned_is_neither_kept_nor_counted() -> None:
    recipe = tiny(steps=12)
    optimizer = replace(recipe.optimizer, validate_steps=1, patience=2, learning_rate=0.0)
    samples = lifting_samples(people=1)
    with Trainer(replace(recipe, optimizer=optimizer), samples) as trainer:
        trainer.validation = samples
        for _ in range(6):
            trainer.advance()
        assert (trainer.best, trainer.stale, trainer.finished) == (-1.0, 0, False)
        assert len(trainer.history) == 6

        trainer.advance()

    assert trainer.best >= 0.0
