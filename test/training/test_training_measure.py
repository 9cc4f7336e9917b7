from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from training_clips import lifting_clip, lifting_samples, standing_clip, tiny_recipe

from skeleton_action_ros.core.layouts import Common15
from skeleton_action_ros.core.preprocess import PreprocessConfig, prepare
from skeleton_action_ros.core.skeleton import NS_PER_S, Clip
from training import measure
from training.alterations import ALTERATIONS, at_rate, turned, without_joints
from training.measure import LAYOUTS, invariances, sides_told_apart
from training.trainer import Trainer


def by_joints(queries: Sequence[Clip], templates: Sequence[Clip]) -> np.ndarray:
    """Minus the distance of prepared joints."""
    asked, taught = (
        np.stack([prepare(clip, PreprocessConfig())[0].ravel() for clip in clips])
        for clips in (queries, templates)
    )
    return -np.linalg.norm(asked[:, None] - taught, axis=2)


def by_nothing(queries: Sequence[Clip], templates: Sequence[Clip]) -> np.ndarray:
    return np.zeros((len(queries), len(templates)), np.float32)


def test_joints_know_simulated_motions_and_nothing_knows_none() -> None:
    actions = ('wave_right', 'bow', 'kick_right', 'clap', 'squat')
    good = invariances(by_joints, people=1, actions=actions)
    blind = invariances(by_nothing, people=1, actions=actions)

    assert set(good) == {
        *(f'k4abt_32 and {layout} named alike' for layout in LAYOUTS),
        *(f'{name}, named rightly' for name in ('unaltered', *ALTERATIONS)),
        'one-sided told from its mirror image',
    }
    assert good['unaltered, named rightly'] > 0.5 > blind['unaltered, named rightly']
    assert good['one-sided told from its mirror image'] > 0.8
    assert blind['one-sided told from its mirror image'] == 0.0
    assert blind['k4abt_32 and common_15 named alike'] == 1.0


def test_card_has_results_invariances_and_the_threshold_of_the_models_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = partial(invariances, people=1, actions=('wave_right', 'bow'))
    monkeypatch.setattr(measure, 'invariances', quick)
    point = {'true_accept': 0.9, 'wrong_name': 0.1, 'false_background': 0.02}
    curve = [
        {'threshold': 0.4, 'false_accept': 0.30, **point},
        {'threshold': 0.5, 'false_accept': 0.08, **point},
        {'threshold': 0.6, 'false_accept': 0.01, **point},
    ]
    found = {
        'name': 'lodo-utkinect-encoder',
        'protocol': 'lodo-utkinect',
        'mean': 0.8,
        'operating_curve': curve,
    }
    monkeypatch.setattr(measure, 'read_results', lambda: [found])
    with Trainer(tiny_recipe(), lifting_samples()) as trainer:
        trainer.save(tmp_path / 'checkpoint.pt')

    measure.main([str(tmp_path / 'checkpoint.pt'), '--out', str(tmp_path / 'card.json')])

    card = json.loads((tmp_path / 'card.json').read_text())
    assert card['protocols'] == {'lodo-utkinect': {'mean': 0.8}}
    # 0.5 is the lowest at which the mean of both kinds of false accepts is 6 % at most.
    assert card['threshold']['threshold'] == 0.5
    assert len(card['operating_curve']) == 3
    assert 0.0 <= card['invariances']['unaltered, named rightly'] <= 1.0
    assert (card['name'], card['seed'], card['data']) == ('tiny', 0, trainer.data)
    assert json.loads(capsys.readouterr().out)['threshold'] == card['threshold']


def test_sides_are_told_apart_by_the_hand_that_moves() -> None:
    rng = np.random.default_rng(0)
    left, other_left, right = (
        lifting_clip(joint, 0.5, 's1', rng) for joint in ('HAND_LEFT', 'HAND_LEFT', 'HAND_RIGHT')
    )

    assert sides_told_apart(by_joints, [left], [other_left]) == [True, True]
    assert sides_told_apart(by_joints, [left], [right]) == [False, False]


def test_fewer_frames_a_second_keep_first_frame_and_duration() -> None:
    clip = standing_clip(31)

    slow = at_rate(clip, 10.0)

    assert len(slow) == 11
    assert slow.stamps_ns[0] == clip.stamps_ns[0]
    assert np.diff(slow.stamps_ns).mean() == NS_PER_S / 10
    assert slow.stamps_ns[-1] == clip.stamps_ns[-1]


def test_a_share_of_joints_is_lost() -> None:
    lost = without_joints(standing_clip(200), 0.3, np.random.default_rng(0)).confidence == 0.0

    assert abs(lost.mean() - 0.3) < 0.03
    assert 0 < lost[0].sum() < 15


def test_turning_by_a_quarter_leads_the_left_hand_to_the_front_or_the_back() -> None:
    clip = standing_clip(2)

    moved = turned(clip, 90.0)

    before = clip.joints_m - clip.joints_m.reshape(-1, 3).mean(axis=0)
    after = moved.joints_m - clip.joints_m.reshape(-1, 3).mean(axis=0)
    np.testing.assert_allclose(after[..., 1], before[..., 1], atol=1e-6)
    np.testing.assert_allclose(after[..., 2], -before[..., 0], atol=1e-6)
    assert abs(after[0, Common15.HAND_LEFT, 2]) > 0.2
