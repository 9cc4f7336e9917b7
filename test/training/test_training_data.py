from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_clips import lifting_clip, lifting_samples, standing_clip

from skeleton_action_ros.adapters.clips import save_clip
from skeleton_action_ros.core.errors import DatasetError
from skeleton_action_ros.core.layouts import Common15
from skeleton_action_ros.core.preprocess import PreprocessConfig
from training.data import (
    ClassTable,
    Sample,
    as_sample,
    cache_root,
    fingerprint,
    load_samples,
    make_class_table,
    simulated_samples,
    split_classes,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root with one folder of clips, and a cache of its own."""
    monkeypatch.setenv('SKELETON_ACTION_DATA', str(tmp_path / 'data'))
    monkeypatch.setenv('SKELETON_ACTION_CACHE', str(tmp_path / 'cache'))
    clips = tmp_path / 'data' / 'mine' / 'somebody'
    clips.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number, joint in enumerate(('HAND_LEFT', 'HEAD', 'FOOT_LEFT')):
        save_clip(clips / f'{number}.npz', lifting_clip(joint, 0.4, 's1', rng))
    return tmp_path


def test_clips_come_from_the_files_and_then_from_the_cache(folder: Path) -> None:
    first = load_samples(['mine'])
    for file in (folder / 'data' / 'mine' / 'somebody').iterdir():
        known = file.stat()
        file.write_bytes(b'x' * known.st_size)
        os.utime(file, ns=(known.st_atime_ns, known.st_mtime_ns))

    second = load_samples(['mine'])

    assert [sample.action for sample in first] == [
        'mine/lift_hand_left',
        'mine/lift_head',
        'mine/lift_foot_left',
    ]
    assert fingerprint(first) == fingerprint(second)


def test_changed_files_are_read_again(folder: Path) -> None:
    load_samples(['mine'])
    save_clip(folder / 'data' / 'mine' / 'new.npz', standing_clip(20))

    assert len(load_samples(['mine'])) == 4


def test_file_that_is_corrected_at_the_same_size_is_read_again(folder: Path) -> None:
    file = folder / 'data' / 'mine' / 'somebody' / '0.npz'
    content = dict(np.load(file))

    sizes, found = [], []
    for label in ('lift_hand_left', 'lift_hand_LEFT'):
        np.savez(file, **{**content, 'label': label})
        sizes.append(file.stat().st_size)
        found.append(load_samples(['mine'])[0].clip.label)

    assert sizes[0] == sizes[1]
    assert found == ['lift_hand_left', 'lift_hand_LEFT']


def test_folder_in_which_no_clip_can_be_learned_from_is_named(folder: Path) -> None:
    clips = folder / 'data' / 'short'
    clips.mkdir()
    for number in (1, 2):
        save_clip(clips / f'{number}.npz', standing_clip(4))

    with pytest.raises(DatasetError, match=r'nothing to learn from in .*short: expected .*2 files'):
        load_samples(['short'])
    assert not cache_root().exists()


def test_cache_that_was_cut_short_is_made_anew(folder: Path) -> None:
    before = load_samples(['mine'])
    (path,) = cache_root().glob('mine-*.npz')
    path.write_bytes(path.read_bytes()[:-100])

    again = load_samples(['mine'])

    assert fingerprint(again) == fingerprint(before)


def test_missing_data_set_is_named_with_its_place_and_title(folder: Path) -> None:
    with pytest.raises(
        DatasetError,
        match=r'no data set utd-mhad under .*utd-mhad \(UTD .* like a1_s1_t1_skeleton\.mat, there',
    ):
        load_samples(['utd-mhad'])
    (folder / 'data' / 'utd-mhad').mkdir()
    with pytest.raises(
        DatasetError, match=r'named like a1_s1_t1_skeleton\.mat at any depth, found'
    ):
        load_samples(['utd-mhad'])


def test_cache_that_cannot_be_written_is_gone_on_without(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = load_samples(['mine'])
    (folder / 'a file').write_text('x')
    monkeypatch.setenv('SKELETON_ACTION_CACHE', str(folder / 'a file' / 'cache'))
    capsys.readouterr()

    samples = [load_samples(['mine']) for _ in range(2)]

    assert [fingerprint(found) for found in samples] == 2 * [fingerprint(kept)]
    error = capsys.readouterr().err
    assert error.count('\n') == 1
    assert error.startswith(f'{folder}/a file/cache/mine-')
    assert 'cannot be written, going on without it: Not a directory' in error


def test_fingerprint_changes_with_what_protocols_split_by() -> None:
    clip = standing_clip()
    told: list[dict[str, Any]] = [{}, {'view': 1}, {'number': 1}, {'person': 1}, {'trial': '1'}]
    some = [Sample(clip, 'made', **one) for one in told]

    assert len({fingerprint([one]) for one in some}) == len(some)


def test_fingerprint_changes_with_a_joint_a_label_and_a_clip() -> None:
    samples = lifting_samples(1, 1)
    moved = lifting_samples(1, 1)
    moved[0].clip.joints_m[3, 2, 1] += 0.001
    renamed = [replace(samples[0], clip=replace(samples[0].clip, label='other')), *samples[1:]]

    prints = {fingerprint(some) for some in (samples, moved, renamed, samples[1:])}

    assert len(prints) == 4


def test_short_clips_and_bodies_that_cannot_be_placed_are_no_samples() -> None:
    lost = standing_clip(20)
    lost.confidence[:, [Common15.HIP_LEFT, Common15.SHOULDER_LEFT]] = 0.0

    assert as_sample(standing_clip(4), 'made') is None
    assert as_sample(lost, 'made') is None
    assert as_sample(standing_clip(5), 'made') is not None


def test_no_class_is_both_trained_and_validated_on() -> None:
    rng = np.random.default_rng(0)
    samples = [
        Sample(lifting_clip('HEAD', 0.3, f's{person}', rng, label), dataset)
        for dataset in ('a', 'b')
        for label in 'pqrstu'
        for person in range(2)
    ]

    training, validation = split_classes(samples, 3)

    assert {sample.action for sample in validation} == {'a/q', 'a/t', 'b/q', 'b/t'}
    assert len(training) + len(validation) == len(samples)
    assert not {s.action for s in training} & {s.action for s in validation}
    assert split_classes(samples, 0) == (samples, [])


@pytest.mark.parametrize(
    ('labels', 'people', 'kept'),
    [
        ('pqrst', 2, {'q', 't'}),
        ('pqrs', 2, set()),  # q alone: nothing it could be taken for
        ('pqrst', 1, set()),  # nobody else to ask
    ],
)
def test_nothing_is_kept_of_a_data_set_of_which_nothing_could_be_asked(
    labels: str, people: int, kept: set[str]
) -> None:
    rng = np.random.default_rng(0)
    samples = [
        Sample(lifting_clip('HEAD', 0.3, f's{person}', rng, label), 'made')
        for label in labels
        for person in range(people)
    ]

    training, validation = split_classes(samples, 3)

    assert {sample.clip.label for sample in validation} == kept
    assert {sample.clip.label for sample in training} == set(labels) - kept


def test_one_sided_actions_are_told_from_their_mirror_images() -> None:
    rng = np.random.default_rng(0)
    samples = [
        Sample(lifting_clip(joint, 0.6, f's{person}', rng), 'made')
        for joint in ('HAND_LEFT', 'HEAD')
        for person in range(6)
    ]

    table = make_class_table(samples, PreprocessConfig(), np.random.default_rng(0))

    assert table.actions == ('made/lift_hand_left', 'made/lift_head')
    assert table.sided.tolist() == [True, False]
    assert table.action_of.tolist() == [0] * 6 + [1] * 6


def test_what_may_be_compared_by_hand() -> None:
    # Two data sets: a has wave (one-sided) and clap, b has wave and bow.
    table = ClassTable(
        actions=('a/clap', 'a/wave', 'b/bow', 'b/wave'),
        action_of=np.arange(4),
        dataset_of=np.array([0, 0, 1, 1]),
        sided=np.array([False, True, False, True]),
    )

    within, across = table.comparable(across=False), table.comparable(across=True)

    # Columns: a/clap, a/wave, b/bow, b/wave, and their mirror images.
    assert within[0].tolist() == [False, True, False, False, False, True, False, False]
    assert within[1].tolist() == [True, False, False, False, True, True, False, False]
    assert across[0].tolist() == [False, True, True, True, False, True, True, True]
    assert across[1].tolist() == [True, False, True, False, True, True, True, False]
    for matrix in (within, across):
        assert (matrix == matrix.T).all()
        assert not matrix.diagonal().any()


def test_simulated_persons_show_every_action_with_the_side_they_say() -> None:
    samples = simulated_samples(2, seed=3)

    assert {sample.clip.subject for sample in samples} == {'sim0', 'sim1'}
    waves = {s.clip.label: s.clip for s in samples if s.clip.subject == 'sim0'}
    left, right = (
        np.ptp(waves['wave_right'].joints_m[:, Common15[joint]], axis=0).max()
        for joint in ('HAND_LEFT', 'HAND_RIGHT')
    )
    assert right > 2 * left
    assert fingerprint(samples) == fingerprint(simulated_samples(2, seed=3))
