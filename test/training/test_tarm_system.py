from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat
from training_clips import LIFTED, lifting_samples
from training_runs import resumed_as_if_unbroken

from skeleton_action_ros.adapters.onnx_bundle import load_bundle
from skeleton_action_ros.core.errors import ConfigError, DatasetError
from skeleton_action_ros.core.preprocess import PreprocessConfig, prepare
from training.bundle import Promise, write_bundle
from training.config import DataConfig, OptimizerConfig
from training.data import Sample, fingerprint
from training.depth_videos import depth_files
from training.protocols import protocol_named
from training.recipes import SYSTEMS, recipe_for
from training.system import classified
from training.tarm.network import TarmNetwork
from training.tarm.recipe import AlterConfig, NetworkConfig, TarmRecipe
from training.tarm.system import ClipBatch, TarmSystem

FRAMES = 10


def tiny(steps: int = 4, **changes: object) -> TarmRecipe:
    """Small images and few steps."""
    recipe = TarmRecipe(
        'tiny',
        data=DataConfig(train=('made',), validation_stride=0, simulated_people=0),
        preprocess=PreprocessConfig(frames=FRAMES, turn=False, scale=False),
        net=NetworkConfig(size=32),
        batch=6,
        optimizer=OptimizerConfig(
            steps=steps, learning_rate=1e-3, warm_up_steps=0, average=0.5, validate_steps=2
        ),
    )
    return replace(recipe, **changes)  # type: ignore[arg-type]


def net(**changes: object) -> NetworkConfig:
    return replace(NetworkConfig(size=32), **changes)  # type: ignore[arg-type]


@pytest.fixture
def filmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Sample]:
    """Six actions, twice by each of two persons; there are depth videos of the first time."""
    monkeypatch.setenv('SKELETON_ACTION_DATA', str(tmp_path / 'data'))
    monkeypatch.setenv('SKELETON_ACTION_CACHE', str(tmp_path / 'cache'))
    folder = tmp_path / 'data' / 'utd-mhad' / 'Depth'
    folder.mkdir(parents=True)
    samples = []
    for place, sample in enumerate(lifting_samples(people=2)):
        action = next(
            index for index, joint in enumerate(LIFTED, 1) if joint.lower() in sample.clip.label
        )
        person, trial = 1 + int(sample.clip.subject[1:]), 1 + place % 2
        samples.append(
            replace(sample, dataset='utd-mhad', number=action, person=person, trial=str(trial))
        )
        if trial == 1:
            video = np.zeros((240, 320, 2), np.uint16)
            video[80:180, 140:180] = 2000
            video[70 + 12 * action : 80 + 12 * action, 180:200] = 1800
            savemat(folder / f'a{action}_s{person}_t1_depth.mat', {'d_depth': video})
    return samples


def test_defaults_are_those_of_the_paper() -> None:
    recipe = TarmRecipe('any')
    system = TarmSystem(recipe)

    assert (recipe.net.size, recipe.preprocess.frames, recipe.net.trunk) == (50, 50, 'resnet18')
    assert system.kind == 'classifier'
    (group,) = system.optimizer(torch.nn.Linear(2, 2)).param_groups
    assert (group['betas'], group['eps'], group['weight_decay']) == ((0.9, 0.999), 1e-8, 0.0)


def test_coordinates_are_metres_from_the_hips_in_the_camera_s_directions() -> None:
    sample = lifting_samples(people=1)[0]

    joints, images, seen = TarmSystem(tiny()).inputs([sample])

    hips = (sample.clip.joints_m[:, 9] + sample.clip.joints_m[:, 12]) / 2
    first = sample.clip.joints_m[0] - np.median(hips, axis=0)
    np.testing.assert_allclose(joints[0, 0], first, atol=0.02)
    assert joints.shape == (1, FRAMES, 15, 3)
    assert not images.any()
    assert not seen.any()


def test_batches_depend_on_the_step_alone() -> None:
    samples = lifting_samples(people=2)
    batches = TarmSystem(tiny()).batches(samples)

    first, again, second = batches.at(3), batches.at(3), batches.at(4)

    np.testing.assert_array_equal(first.joints, again.joints)
    np.testing.assert_array_equal(first.classes, again.classes)
    assert not np.array_equal(first.joints, second.joints)
    assert first.joints.shape == (6, FRAMES, 15, 3)
    assert first.images.shape == (6, 32, 32)


def test_batches_name_the_clips_that_they_hold() -> None:
    samples = lifting_samples(people=2)
    still = AlterConfig(turn_deg=0.0, tilt_deg=0.0, size=0.0, crop=0.0)

    batch = TarmSystem(tiny(alter=still)).batches(samples).at(0)

    names = sorted({sample.action for sample in samples})
    for joints, number in zip(batch.joints, batch.classes, strict=True):
        own = [sample.clip for sample in samples if sample.action == names[number]]
        prepared = [prepare(clip, tiny().preprocess)[0] for clip in own]
        assert min(np.abs(joints - other).max() for other in prepared) < 1e-5


@pytest.mark.parametrize(('modality', 'clips'), [('depth', 12), ('both', 24), ('stacked', 24)])
def test_depth_alone_learns_from_the_clips_that_have_it(
    filmed: list[Sample], modality: str, clips: int
) -> None:
    batches = TarmSystem(tiny(net=net(modality=modality), batch=100)).batches(filmed)

    batch = batches.at(0)

    assert len(batch.classes) == clips
    assert batch.seen.sum() == 12
    assert batch.images[batch.seen].max() > 0.5
    assert not batch.images[~batch.seen].any()


@pytest.mark.parametrize('modality', ['depth', 'both', 'stacked'])
def test_depth_is_not_learned_from_a_single_video(filmed: list[Sample], modality: str) -> None:
    system = TarmSystem(tiny(net=net(modality=modality)))

    with pytest.raises(DatasetError, match='2 or more clips with a depth video, got 1 among 2'):
        system.batches(filmed[:2])


def test_clip_without_depth_cannot_be_named_by_depth(filmed: list[Sample]) -> None:
    system = TarmSystem(tiny(net=net(modality='depth')))

    with pytest.raises(DatasetError, match=r'12 of 24 clips have no depth video, such as a1_s1_t2'):
        system.inputs(filmed)


@pytest.mark.parametrize(
    'network',
    [
        net(modality='depth', attention=False, trunk='alexnet'),
        net(modality='both'),
        net(modality='stacked'),
    ],
    ids=['alexnet', 'both', 'stacked'],
)
def test_one_batch_is_learned_by_heart(filmed: list[Sample], network: NetworkConfig) -> None:
    torch.manual_seed(0)
    system = TarmSystem(tiny(net=network, batch=12))
    names = sorted({sample.action for sample in filmed})
    model, batch = system.network(names), system.batches(filmed).at(0)
    optimizer = system.optimizer(model)

    losses = []
    for step in range(25 if network.trunk == 'alexnet' else 8):
        torch.manual_seed(step)
        losses.append(system.loss(model, batch))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()

    assert losses[-1].item() < 0.5 * losses[0].item()


def test_loss_is_the_sum_of_each_branch_s_over_the_clips_that_it_sees(
    filmed: list[Sample],
) -> None:
    recipe = tiny(net=net(modality='both'), batch=12)
    system = TarmSystem(replace(recipe, optimizer=replace(recipe.optimizer, mixed_precision=False)))
    torch.manual_seed(0)
    model = system.network(sorted({sample.action for sample in filmed})).eval()
    batch = system.batches(filmed).at(0)

    with torch.inference_mode():
        loss = float(system.loss(model, batch))
        named = model(torch.from_numpy(batch.joints), torch.from_numpy(batch.images))

    wanted = 0.0
    for name, clips in (('skeleton', range(12)), ('depth', np.flatnonzero(batch.seen))):
        shares = torch.softmax(named[name], dim=1)
        wanted -= np.mean([np.log(float(shares[clip, batch.classes[clip]])) for clip in clips])
    assert 0 < batch.seen.sum() < 12
    assert loss == pytest.approx(wanted, rel=1e-4)


def learned(system: TarmSystem, batch: ClipBatch) -> tuple[TarmNetwork, float]:
    """Compute a loss and its gradients, in training mode, from the same weights every time."""
    torch.manual_seed(0)
    model = system.network([f'made/{number}' for number in range(6)]).train()
    loss = system.loss(model, batch)
    loss.backward()
    return model, float(loss.detach())


def same_network(one: torch.nn.Module, other: torch.nn.Module) -> None:
    """Assert equal buffers, and equal gradients."""
    for mine, theirs in zip(one.buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(mine, theirs)
    for mine, theirs in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad)


def test_clips_without_depth_change_nothing_in_the_branch_of_depth(filmed: list[Sample]) -> None:
    system = TarmSystem(tiny(net=net(modality='both', trunk='alexnet'), batch=12))
    batch = system.batches(filmed).at(0)
    rng = np.random.default_rng(0)
    painted = np.where(batch.seen[:, None, None], batch.images, rng.random((12, 32, 32)))
    few = np.flatnonzero(batch.seen)
    assert 2 <= len(few) < 12

    both, loss = learned(system, batch)
    other, other_loss = learned(system, replace(batch, images=painted.astype(np.float32)))
    alone, _ = learned(
        system,
        ClipBatch(batch.joints[few], batch.images[few], batch.seen[few], batch.classes[few]),
    )

    assert loss == other_loss
    same_network(both, other)
    # What normalises depth is of the clips that have it, whoever else is in the batch.
    for mine, theirs in zip(
        both.branches['depth'].buffers(), alone.branches['depth'].buffers(), strict=True
    ):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize('count', [0, 1])
def test_batch_with_fewer_than_two_videos_teaches_depth_nothing(
    filmed: list[Sample], count: int
) -> None:
    system = TarmSystem(tiny(net=net(modality='both'), batch=12))
    batch = system.batches(filmed).at(0)
    kept = np.isin(np.arange(12), np.flatnonzero(batch.seen)[:count])
    torch.manual_seed(0)
    fresh = system.network([f'made/{number}' for number in range(6)])

    model, loss = learned(system, replace(batch, seen=kept))

    depth = model.branches['depth']
    assert np.isfinite(loss)
    assert all(parameter.grad is None for parameter in depth.parameters())
    for mine, theirs in zip(depth.buffers(), fresh.branches['depth'].buffers(), strict=True):
        torch.testing.assert_close(mine, theirs)
    assert all(parameter.grad is not None for parameter in model.branches['skeleton'].parameters())


def test_another_depth_video_is_another_fingerprint_where_depth_is_learned_from(
    filmed: list[Sample], tmp_path: Path
) -> None:
    skeleton, both = TarmSystem(tiny()), TarmSystem(tiny(net=net(modality='both')))
    before = fingerprint(filmed, both.files(filmed))
    assert len(both.files(filmed)) == 12

    (video,) = (tmp_path / 'data').rglob('a1_s1_t1_depth.mat')
    video.write_bytes(video.read_bytes() + b'more')
    larger = fingerprint(filmed, both.files(filmed))
    video.rename(video.with_name('a1_s1_t2_depth.mat'))
    depth_files.cache_clear()
    renamed = fingerprint(filmed, both.files(filmed))

    assert len({before, larger, renamed}) == 3
    assert fingerprint(filmed, skeleton.files(filmed)) == fingerprint(filmed)


def test_clip_without_depth_is_named_by_its_skeleton_alone(filmed: list[Sample]) -> None:
    system = TarmSystem(tiny(net=net(modality='both'), fusion='product'))
    torch.manual_seed(0)
    model = system.network(sorted({sample.action for sample in filmed})).eval()
    inputs = system.inputs(filmed[:2])

    found = classified(system, model, inputs)

    images = np.zeros((2, 32, 32), np.float32)
    with torch.inference_mode():
        alone = model(torch.from_numpy(inputs[0]), torch.from_numpy(images))['skeleton']
    wanted = torch.log_softmax(alone, dim=1).numpy()
    assert inputs[2].tolist() == [True, False]
    np.testing.assert_allclose(found[1], wanted[1], atol=1e-5)
    assert np.abs(found[0] - wanted[0]).max() > 1e-3


def test_resumed_run_equals_an_unbroken_one(filmed: list[Sample], tmp_path: Path) -> None:
    recipe = tiny(net=net(modality='both', trunk='alexnet'))
    resumed_as_if_unbroken(recipe, filmed, tmp_path / 'checkpoint.pt')


@pytest.mark.parametrize(
    ('variant', 'protocol', 'published', 'network'),
    [
        ('', 'utd-cross-subject', 76.25, NetworkConfig()),
        ('depth', 'utd-cross-subject-depth', 49.2, NetworkConfig(modality='depth')),
        (
            'depth-resnet50',
            'utd-cross-subject-depth',
            36.56,
            NetworkConfig(modality='depth', attention=False, trunk='resnet50'),
        ),
        ('product', 'utd-cross-subject-depth', None, NetworkConfig(modality='both')),
        ('stacked', 'utd-cross-subject-depth', 81.46, NetworkConfig(modality='stacked')),
    ],
)
def test_rows_of_the_paper_s_tables_are_variants(
    variant: str, protocol: str, published: float | None, network: NetworkConfig
) -> None:
    recipe = recipe_for(protocol, 'tarm', variant)

    assert isinstance(recipe, TarmRecipe)
    assert recipe.net == network
    assert recipe.fusion == (variant if variant == 'product' else 'average')
    row = SYSTEMS['tarm'].variants[variant]
    assert protocol in row.protocols
    assert row.published.get(protocol) == published
    assert (recipe.data.train, recipe.data.validation_stride) == (('utd-mhad',), 0)


def test_clips_with_a_depth_video_are_asked_of_even_persons(filmed: list[Sample]) -> None:
    protocol = protocol_named('utd-cross-subject-depth')
    assert protocol.ask is not None

    asked = protocol.ask(filmed, np.random.default_rng(0)).draws[0].queries

    queries = [filmed[place] for place in asked]
    assert sorted(sample.number for sample in queries) == [1, 2, 3, 4, 5, 6]
    assert {(sample.person, sample.trial) for sample in queries} == {(2, '1')}
    assert {sample.person for sample in filmed if protocol.learnable(sample)} == {1}


def test_it_names_and_does_not_compare() -> None:
    system = TarmSystem(tiny())

    with pytest.raises(ConfigError, match='names a closed set of actions and compares no clips'):
        system.describe(system.network(['made/a', 'made/b']), ())


def test_bundle_of_the_skeleton_s_branch_names_actions_as_in_training(
    filmed: list[Sample], tmp_path: Path
) -> None:
    system = TarmSystem(tiny(net=net(trunk='alexnet')))
    labels = tuple(sorted({sample.clip.label for sample in filmed}))
    torch.manual_seed(0)
    model = system.network([f'utd-mhad/{label}' for label in labels]).eval()
    network, promise = system.exported(model), Promise(system.preprocess, 0.5, labels=labels)

    write_bundle(
        tmp_path / 'made', network, promise, about={}, largest_bytes=TarmSystem.largest_bytes
    )

    loaded = load_bundle(tmp_path / 'made')
    joints, mask = prepare(filmed[1].clip, loaded.preprocess)
    found = loaded.classify(joints[None], mask[None])
    assert (loaded.kind, loaded.labels) == ('classifier', labels)
    wanted = classified(system, model, system.inputs([filmed[1]]))
    np.testing.assert_allclose(found, wanted, atol=1e-4)


@pytest.mark.parametrize('modality', ['depth', 'stacked', 'both'])
def test_network_that_needs_depth_is_not_exported(modality: str) -> None:
    system = TarmSystem(tiny(net=net(modality=modality)))

    with pytest.raises(ConfigError, match='needs depth videos, which a bundle is not given'):
        system.exported(system.network(['made/a', 'made/b']))
