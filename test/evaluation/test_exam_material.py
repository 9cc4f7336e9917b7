"""What an exam takes from a folder, and what it says about the rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dataset_files import write_florence, write_msr, write_ntu
from people import circling

from skeleton_action_ros.adapters.clips import save_clip
from skeleton_action_ros.core.errors import BadClipError, DatasetError
from skeleton_action_ros.core.skeleton import NS_PER_S, ActionSpan, Clip
from skeleton_action_ros.evaluation.exam import (
    CANONICAL,
    RAW,
    Item,
    Material,
    Skipped,
    prepare_items,
    read_items,
)

WAVE = replace(circling([(0.5, 1.5)], 2.0), label='wave', subject='ann')


def read(folder: Path, dataset: str | None = None) -> Material:
    return prepare_items(read_items(folder, dataset), [RAW, CANONICAL])


def reasons(folder: Path) -> dict[str, str]:
    return {item.source: item.reason for item in read(folder).skipped}


def frames(count: int) -> Clip:
    """Return WAVE over and over, `count` frames long."""
    index = np.arange(count)
    return replace(
        WAVE,
        joints_m=WAVE.joints_m[index % len(WAVE)],
        confidence=WAVE.confidence[index % len(WAVE)],
        stamps_ns=1 + index * NS_PER_S // 30,
    )


def test_clips_of_any_depth_are_prepared_in_every_way_asked_for(tmp_path: Path) -> None:
    (tmp_path / 'deep').mkdir()
    save_clip(tmp_path / 'deep' / 'a.npz', WAVE)
    save_clip(tmp_path / 'b.npz', replace(WAVE, label='clap', subject='bob'))

    found = read(tmp_path)

    assert found.sources == ('b.npz', 'deep/a.npz')
    assert found.labels == ('clap', 'wave')
    assert found.subjects == ('bob', 'ann')
    assert found.prepared[RAW].joints.shape == (2, 32, 15, 3)
    assert found.prepared[CANONICAL].mask.shape == (2, 32, 15)
    # The trunk of these persons is 0.5 m.
    np.testing.assert_allclose(
        found.prepared[CANONICAL].joints, 2 * found.prepared[RAW].joints, atol=1e-5
    )
    assert (found.skipped, found.incomplete) == ((), ())


def test_each_bad_file_is_skipped_with_its_name_and_reason(tmp_path: Path) -> None:
    save_clip(tmp_path / 'good.npz', WAVE)
    save_clip(tmp_path / 'two frames.npz', frames(2))
    save_clip(tmp_path / 'long.npz', frames(10_000))
    save_clip(tmp_path / 'nameless.npz', replace(WAVE, label=''))
    save_clip(tmp_path / 'nobody.npz', replace(WAVE, subject=''))
    (tmp_path / 'text.npz').write_text('no archive')
    save_clip(tmp_path / 'mm.npz', replace(WAVE, joints_m=1000 * WAVE.joints_m))
    save_clip(tmp_path / 'nan.npz', WAVE)
    arrays = dict(np.load(tmp_path / 'nan.npz'))
    np.savez(tmp_path / 'nan.npz', **{**arrays, 'joints_m': np.full_like(WAVE.joints_m, np.nan)})
    np.savez(tmp_path / 'layout.npz', **{**arrays, 'layout': 'octopus_8'})

    found = reasons(tmp_path)

    assert found['two frames.npz'] == 'has 2 frames, fewer than 5'
    assert found['long.npz'].startswith('lasts 333 s (10000 frames), longer than one action (60 s)')
    assert found['nameless.npz'] == 'has no label'
    assert found['nobody.npz'] == 'has no subject'
    assert found['text.npz'].startswith('expected a readable npz archive')
    assert found['nan.npz'].startswith('no frame shows both hips')
    assert 'octopus_8' in found['layout.npz']
    assert found['mm.npz'] == 'coordinates must be metres, got 3000: millimetres?'
    assert len(found) == 8
    assert read(tmp_path).sources == ('good.npz',)


def test_joints_that_are_no_numbers_are_masked_and_told(tmp_path: Path) -> None:
    save_clip(tmp_path / 'a.npz', WAVE)
    arrays = dict(np.load(tmp_path / 'a.npz'))
    arrays['joints_m'][:, 0] = np.nan
    np.savez(tmp_path / 'b.npz', **arrays)

    found = read(tmp_path)

    assert found.incomplete == ('b.npz',)
    assert found.prepared[RAW].mask[1, :, 0].max() == 0.0
    assert found.prepared[RAW].mask[0].min() == 1.0
    assert np.isfinite(found.prepared[CANONICAL].joints).all()


def test_recordings_are_cut_at_their_annotations(tmp_path: Path) -> None:
    second = NS_PER_S
    spans = (
        ActionSpan('wave', 2 * second, 3 * second),
        ActionSpan('clap', 900 * second, 901 * second),
        ActionSpan('bow', 100 * second, 101 * second),
    )
    save_clip(tmp_path / 'day.npz', replace(frames(10_000), label='', annotations=spans))

    found = read(tmp_path)

    assert found.sources == ('day.npz #1', 'day.npz #3')
    assert found.labels == ('wave', 'bow')
    assert found.skipped == (Skipped('day.npz #2', "annotated 'clap' has no frame"),)


def test_files_of_a_data_set_are_read_and_bad_ones_skipped(tmp_path: Path) -> None:
    write_msr(tmp_path, frames=20)
    bad = tmp_path / 'a02_s02_e03_skeleton3D.txt'
    bad.write_text('1 2 3\n')

    found = read(tmp_path, 'msr-action3d')

    assert found.sources == ('a01_s02_e03_skeleton3D.txt',)
    assert found.subjects == ('s2',)
    [skipped] = found.skipped
    assert skipped.source == bad.name
    assert skipped.reason == 'expected 20 lines a frame, got 1 lines in all'


def test_several_sequences_of_a_file_are_numbered(tmp_path: Path) -> None:
    write_florence(tmp_path, frames=8, sequences=2)

    items = list(read_items(tmp_path, 'florence3d'))

    assert [item.source.partition(' ')[2] for item in items] == ['#1', '#2']


def test_of_two_bodies_the_one_who_moves_more_is_taken(tmp_path: Path) -> None:
    # Hands rise by 0.6 m a frame; the first body leaves after three frames, the second stays.
    write_ntu(tmp_path, bodies=(('7', '8'),) * 3 + (('8',),) * 6)

    [item] = read_items(tmp_path, 'ntu')

    assert isinstance(item, Item)
    assert item.source == 'S018C003P008R002A061.skeleton'
    assert len(item.clip) == 9


def test_nothing_of_the_kind_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadClipError, match='found none'):
        list(read_items(tmp_path))
    with pytest.raises(DatasetError, match='found none'):
        list(read_items(tmp_path, 'msr-action3d'))
    with pytest.raises(BadClipError, match='found nothing there'):
        list(read_items(tmp_path / 'missing'))
