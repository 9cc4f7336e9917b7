from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from dataset_files import write_ntu
from training_clips import lifting_clip, lifting_samples
from training_runs import resumed_as_if_unbroken

from skeleton_action_ros.core.errors import ConfigError, DatasetError
from skeleton_action_ros.core.layouts import Common15
from skeleton_action_ros.core.matching import ClassifierMatcher
from skeleton_action_ros.core.preprocess import prepare
from skeleton_action_ros.core.recognition import Recognizer, RecognizerConfig
from training.bundle import Promise, write_bundle
from training.config import DataConfig, OptimizerConfig
from training.data import Sample, load_samples
from training.recipes import SYSTEMS, make_system, recipe_for
from training.recurrent.network import RecurrentNetwork
from training.recurrent.recipe import (
    NetworkConfig,
    PoseConfig,
    RecurrentRecipe,
    TransformerConfig,
)
from training.recurrent.system import RecurrentSystem
from training.system import classified
from training.trainer import Trainer

CLASSES = [f'made/lift_{name}' for name in 'abcdef']


def tiny(steps: int = 4, **changes: object) -> RecurrentRecipe:
    """Few frames, units and steps."""
    recipe = RecurrentRecipe(
        'tiny',
        data=DataConfig(train=('made',), validation_stride=0, simulated_people=0),
        pose=PoseConfig(frames=8),
        network=NetworkConfig(units=12, layers=2),
        batch=24,
        optimizer=OptimizerConfig(
            steps=steps, learning_rate=2e-2, warm_up_steps=0, average=0.5, validate_steps=2
        ),
    )
    return replace(recipe, **changes)  # type: ignore[arg-type]


def test_it_is_a_system_that_names_actions() -> None:
    assert SYSTEMS['recurrent'] is RecurrentSystem
    assert RecurrentSystem.kind == 'classifier'
    system = make_system(tiny())
    with pytest.raises(ConfigError, match='recurrent names the actions it has learned'):
        system.describe(system.network(CLASSES), ())


def test_improved_baseline_is_that_of_the_thesis() -> None:
    system = make_system(RecurrentRecipe('any'))
    network = system.network([f'ntu/{number}' for number in range(60)])
    adam = system.optimizer(network)

    # Three GRU of 100, each with three matrices from 45 coordinates, or 100 units, 100 units and a
    # bias: 3 * 100 * (45 + 100 + 1) and twice 3 * 100 * (100 + 100 + 1); and 60 * (100 + 1).
    assert sum(weight.numel() for weight in network.parameters()) == 43_800 + 120_600 + 6_060
    assert isinstance(adam, torch.optim.Adam)
    group = adam.param_groups[0]
    assert (group['lr'], group['eps'], group['betas']) == (5e-3, 1e-4, (0.9, 0.999))


@pytest.mark.parametrize('relu', [False, True])
def test_only_the_last_time_counts_and_a_rectified_linear_unit_where_asked(relu: bool) -> None:
    torch.manual_seed(0)
    made = tiny(network=NetworkConfig(units=12, layers=2, relu_scores=relu))
    network = RecurrentNetwork(made, 6).eval()
    joints, mask = torch.randn(3, 8, 15, 3), torch.ones(3, 8, 15)

    logits = network(joints, mask)

    outputs = network.layers[1](network.layers[0](network.stream(joints, mask)))
    wanted = outputs[:, -1] @ network.last.weight.T + network.last.bias
    torch.testing.assert_close(logits, wanted.clamp(min=0.0) if relu else wanted)
    assert bool((wanted < 0.0).any())


def test_dropout_keeps_each_number_with_its_probability_in_training_only() -> None:
    torch.manual_seed(0)
    network = RecurrentNetwork(tiny(network=NetworkConfig(keep=0.25)), 6)

    kept = network.train().dropout(torch.ones(40_000))

    assert float((kept > 0.0).float().mean()) == pytest.approx(0.25, abs=0.02)
    assert sorted(set(kept.tolist())) == [0.0, 4.0]
    assert bool((network.eval().dropout(torch.ones(9)) == 1.0).all())


def test_joint_that_was_never_seen_changes_nothing() -> None:
    torch.manual_seed(0)
    network = RecurrentNetwork(tiny(), 6).eval()
    joints, mask = torch.randn(1, 8, 15, 3), torch.ones(1, 8, 15)
    mask[:, :, 5] = 0.0
    other = joints.clone()
    other[:, :, 5] += 3.0

    torch.testing.assert_close(network(joints, mask), network(other, mask))


def test_batches_depend_on_the_step_alone_and_hold_each_clip_once() -> None:
    samples = lifting_samples()
    batches = make_system(tiny()).batches(samples)

    first, again, second = batches.at(3), batches.at(3), batches.at(4)

    np.testing.assert_array_equal(first.joints, again.joints)
    assert not np.array_equal(first.joints, second.joints)
    assert first.joints.shape == (24, 8, 15, 3)
    assert len(np.unique(first.joints.reshape(24, -1), axis=0)) == 24
    names = sorted({sample.action for sample in samples})
    config = make_system(tiny()).preprocess
    for joints, number in zip(first.joints, first.classes, strict=True):
        own = [sample for sample in samples if sample.action == names[number]]
        assert any(np.array_equal(joints, prepare(one.clip, config)[0]) for one in own)


@pytest.mark.parametrize(
    'network',
    [
        NetworkConfig(units=16, layers=2, keep=1.0),
        NetworkConfig(
            units=8, layers=1, keep=1.0, bidirectional=True, every_step=True, hardest=0.5
        ),
    ],
)
def test_one_batch_is_learned_by_heart(network: NetworkConfig) -> None:
    torch.manual_seed(0)
    samples = lifting_samples(people=2)
    system = make_system(tiny(network=network))
    made = system.network(sorted({sample.action for sample in samples})).train()
    batch = system.batches(samples).at(0)
    optimizer = torch.optim.Adam(made.parameters(), lr=0.02)

    losses = []
    for _ in range(60):
        losses.append(system.loss(made, batch))
        optimizer.zero_grad()
        losses[-1].backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    assert losses[0].item() > 1.0
    assert losses[-1].item() < 0.3


def test_training_names_clips_and_resumes_as_if_unbroken(tmp_path: Path) -> None:
    recipe = tiny(steps=4, pose=PoseConfig(frames=8, aligned=True))
    samples = lifting_samples(people=2)
    second = resumed_as_if_unbroken(recipe, samples, tmp_path / 'checkpoint.pt')

    inputs = second.system.inputs(samples)
    assert classified(second.system, second.average.module, inputs).shape == (len(samples), 6)


def test_bundle_names_actions_on_the_robot_as_in_training(tmp_path: Path) -> None:
    everything: dict[str, object] = {
        'pose': PoseConfig(frames=4, aligned=True, joints=13, stream='both'),
        'transformer': TransformerConfig('convex'),
        'network': NetworkConfig(units=8, layers=1, bidirectional=True, every_step=True),
    }
    samples = lifting_samples(people=1)
    with Trainer(tiny(steps=2, **everything), samples) as trainer:
        trainer.advance()
        trainer.advance()
    labels = tuple(name.partition('/')[2] for name in trainer.classes)
    system = trainer.system
    network = system.exported(trainer.average.module.eval())

    model = write_bundle(
        tmp_path / 'made', network, Promise(system.preprocess, 0.5, labels=labels), about={}
    )

    assert Recognizer(model, RecognizerConfig()).labels == labels
    clips = [
        lifting_clip(joint, 0.6, 's9', np.random.default_rng(9)) for joint in ('HEAD', 'HAND_LEFT')
    ]
    found = ClassifierMatcher(model, 0.5).similarities(clips)
    logits = classified(system, network, system.inputs([Sample(clip, 'made') for clip in clips]))
    odds = np.exp(logits.astype(np.float64))
    np.testing.assert_allclose(found, odds / odds.sum(axis=1, keepdims=True), atol=1e-5)


def test_what_the_sensor_lost_is_filled_by_splines_unless_told_otherwise() -> None:
    clip = lifting_clip('HAND_LEFT', 0.5, 's1', np.random.default_rng(1))
    clip.confidence[8:14, Common15.HAND_LEFT] = 0.0
    clip.joints_m[8:14, Common15.HAND_LEFT] = 0.0
    samples = [Sample(clip, 'made')]
    linear = make_system(tiny(pose=PoseConfig(frames=8, fill_in='linear')))

    splined, with_splines = make_system(tiny()).inputs(samples)
    bridged, with_gaps = linear.inputs(samples)

    assert bool((with_splines == 1.0).all())
    assert with_gaps[0, :, Common15.HAND_LEFT].min() < 1.0
    # The hand goes up and down in an arc, below whose top a straight line passes (y down).
    hands = splined[0, :, Common15.HAND_LEFT, 1], bridged[0, :, Common15.HAND_LEFT, 1]
    assert hands[0].min() < hands[1].min() - 0.01


@pytest.fixture
def ntu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """NTU RGB+D in its raw format: two actions of a person of each side and one to select on."""
    monkeypatch.setenv('SKELETON_ACTION_DATA', str(tmp_path / 'data'))
    monkeypatch.setenv('SKELETON_ACTION_CACHE', str(tmp_path / 'cache'))
    folder = tmp_path / 'data' / 'ntu'
    folder.mkdir(parents=True)
    body = (('72057594037931691',),) * 6
    for action in (1, 2):
        for person in (1, 3, 25):
            write_ntu(folder, body, f'S001C001P{person:03d}R001A{action:03d}.skeleton')
    return folder


def test_raw_files_of_ntu_are_learned_from_by_the_persons_of_the_thesis(ntu: Path) -> None:
    recipe = recipe_for('ntu60-cross-subject', 'recurrent')
    recipe = replace(tiny(steps=2), protocol='ntu60-cross-subject', data=recipe.data)

    with Trainer(recipe, load_samples(recipe.data.train)) as trainer:
        trainer.advance()
        trainer.advance()

    assert trainer.classes == ('ntu/drink_water', 'ntu/eat_meal_or_snack')
    assert [sample.person for sample in trainer.training] == [1, 1]
    assert [sample.person for sample in trainer.validation] == [25, 25]
    assert trainer.history[-1]['step'] == 2


def test_without_ntu_its_folder_and_owners_are_named(ntu: Path) -> None:
    shutil.rmtree(ntu)

    with pytest.raises(DatasetError, match=r'no data set ntu under .*ntu \(NTU RGB\+D.*there'):
        load_samples(recipe_for('ntu60-cross-subject', 'recurrent').data.train)
