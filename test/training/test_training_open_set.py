from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bundles import motion_bundle

from skeleton_action_ros.adapters.background_file import BACKGROUND_FILE
from skeleton_action_ros.adapters.bundle_card import read_card
from skeleton_action_ros.adapters.onnx_bundle import load_bundle
from skeleton_action_ros.core.calibration import (
    CalibrationConfig,
    ConfidenceCurve,
    Measured,
)
from skeleton_action_ros.core.errors import BundleError
from training import background, open_set
from training.open_set import Asked, Chosen, Trial

FINDINGS = {
    'threshold': 0.81,
    'calibration': {
        'background': 0.4,
        'spliced': 0.1,
        'others': 0.2,
        'usual_background': 0.5,
        'usual_spliced': 0.9,
        'usual_others': 0.5,
        'most': 0.1,
    },
    'confidence': {'slope': 15.0, 'offset': -0.5},
    'expected_calibration_error': 0.04,
}


def made_up(seed: int, raised: float = 0.0) -> Asked:
    """
    Make a data set of 4 actions by 5 persons, two clips of each.

    :param raised: half of the actions are so much more similar to everything than the others.
    """
    rng = np.random.default_rng(seed)
    labels = np.tile(np.repeat(['bow', 'clap', 'kick', 'wave'], 2), 5)
    persons = np.repeat(['a', 'b', 'c', 'd', 'e'], 8)
    lift = np.where(np.isin(labels, ('kick', 'wave')), raised, 0.0)
    same = labels[:, None] == labels
    alike = np.where(same, 0.85, 0.7) + rng.normal(0.0, 0.05, same.shape) + lift
    pieces = 0.65 + rng.normal(0.0, 0.05, (60, len(labels))) + lift

    def around(mean: float, count: int) -> np.ndarray:
        drawn = mean + rng.normal(0.0, 0.01, (len(labels), count)) + lift[:, None]
        return drawn.astype(np.float32)

    return Asked(
        labels,
        persons,
        alike.astype(np.float32),
        pieces.astype(np.float32),
        tuple(
            Measured.of(*arrays)
            for arrays in zip(
                around(0.95, 8), around(0.8, 4)[:, None], around(0.5, 20), strict=True
            )
        ),
    )


def test_one_person_teaches_and_all_others_are_asked() -> None:
    asked = made_up(0)
    for trial in open_set.trials(asked, np.random.default_rng(0), 20):
        (teacher,) = set(asked.persons[trial.references])
        taught = asked.labels[trial.references].tolist()
        assert len(set(taught)) == len(taught) == 2
        assert trial.alike.shape == trial.right.shape == (32, 2)
        queries = np.flatnonzero(asked.persons != teacher)
        np.testing.assert_array_equal(trial.alike, asked.alike[queries][:, trial.references])
        assert trial.known.tolist() == [asked.labels[place] in taught for place in queries]
        first, second = trial.references
        assert trial.others.tolist() == [asked.alike[second, first], asked.alike[first, second]]


def _by_hand(config: CalibrationConfig, place: int, asked: Asked, others: float) -> float:
    spliced = asked.measured[place].spliced_similarity
    reached = asked.measured[place].background_similarity
    return (
        config.background * (reached - config.usual_background)
        + config.spliced * (spliced - config.usual_spliced)
        + config.others * (others - config.usual_others) / 3
    )


def test_thresholds_move_as_on_the_robot() -> None:
    asked = made_up(1)
    config = CalibrationConfig(0.3, 0.2, 0.1, 0.5, 0.8, 0.7)
    for trial in open_set.trials(asked, np.random.default_rng(0), 3):
        expected = [
            _by_hand(config, place, asked, float(trial.others[at]))
            for at, place in enumerate(trial.references)
        ]
        np.testing.assert_allclose(open_set.moves(asked, trial, config), expected, atol=1e-4)


def test_curve_counts_what_each_threshold_accepts() -> None:
    asked = made_up(0)
    alike = np.array([[0.9, 0.1], [0.2, 0.8], [0.712, 0.6], [0.65, 0.5]], np.float32)
    right = np.array([[1, 0], [1, 0], [0, 0], [0, 0]], bool)
    trial = Trial(
        np.array([0, 2]),
        np.array([True, True, False, False]),
        right,
        alike,
        np.array([[0.61, 0.0], [0.1, 0.3]], np.float32),
        np.zeros(2, np.float32),
    )
    curve = open_set.curve_of(asked, [trial], CalibrationConfig())
    for base, expected in (
        (0.6, (0.5, 0.5, 1.0, 0.5)),
        (0.68, (0.5, 0.5, 0.5, 0.0)),
        (0.85, (0.5, 0.0, 0.0, 0.0)),
    ):
        place = int(np.argmin(np.abs(open_set.BASES - base)))
        assert curve[place].tolist() == list(expected)
    assert open_set.BASES[open_set.chosen_base(curve)] == pytest.approx(0.715)


def test_weights_are_chosen_where_actions_differ_in_how_alike_they_are_to_all() -> None:
    runs = {(f'set {seed}', 0): made_up(seed, raised=0.15) for seed in range(3)}
    found = open_set.settle(runs)
    config = found['calibration']
    assert config['background'] + config['spliced'] + config['others'] > 0.0
    plain, moved = found['left_out_means'].values()
    assert moved['true_accept'] > plain['true_accept'] + 0.1
    assert found['gain_by_seed'] == [
        pytest.approx(moved['true_accept'] - plain['true_accept'], abs=2e-4)
    ]
    assert set(found['left_out']) == {'set 0', 'set 1', 'set 2'}
    assert found['expected_calibration_error'] < 0.15


def test_one_threshold_is_kept_where_no_weight_helps() -> None:
    curve = np.tile(np.linspace(1.0, 0.0, len(open_set.BASES))[:, None], (1, 4))
    curves = {
        config: {0: curve}
        for config in open_set.configurations(
            open_set.usual_of(made_up(0), open_set.trials(made_up(0), np.random.default_rng(0), 2))
        )
    }
    assert not open_set.choose(curves, [0]).config.moves


def test_strangers_are_as_many_as_said() -> None:
    asked = made_up(2)
    drawn = open_set.trials(asked, np.random.default_rng(0), 4)
    chosen = Chosen(CalibrationConfig(), 40)
    margins, right = open_set.margins_of(asked, drawn, chosen, np.random.default_rng(0))
    known = sum(int(trial.known.sum()) for trial in drawn)
    assert len(margins) == len(right) == known * (1 + open_set.STRANGERS)
    assert right.sum() <= known


def test_confidence_is_fitted_to_who_was_right() -> None:
    rng = np.random.default_rng(0)
    margins = rng.uniform(-0.2, 0.2, 20_000)
    right = rng.random(len(margins)) < 1 / (1 + np.exp(-(20.0 * margins - 0.5)))
    curve = open_set.fitted_curve(margins, right)
    assert curve.slope == pytest.approx(20.0, rel=0.05)
    assert curve.offset == pytest.approx(-0.5, abs=0.05)
    assert open_set.worth_of(curve, margins, right)['expected_calibration_error'] < 0.02


def test_error_of_the_confidence_is_of_what_was_accepted() -> None:
    always_sure = ConfidenceCurve(0.0, 20.0)
    worth = open_set.worth_of(
        always_sure, np.array([0.1, 0.2, -0.1, -0.1]), np.array([True, False, False, False])
    )
    assert (worth['expected_calibration_error'], worth['matches']) == (0.5, 2)


@pytest.fixture
def few_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, '_PEOPLE', 1)
    monkeypatch.setattr(background, 'PIECES', 6)


@pytest.mark.usefixtures('few_pieces')
def test_bundle_gets_a_background_and_what_was_found(tmp_path: Path) -> None:
    folder = motion_bundle(tmp_path / 'bundle')
    before = load_bundle(folder).open_set
    assert background.put_into(folder, FINDINGS, []) == 6
    model = load_bundle(folder)
    assert model.threshold == 0.81
    assert model.open_set.calibration.others == 0.2
    assert model.open_set.confidence == ConfidenceCurve(15.0, -0.5)
    assert model.open_set.model != before.model
    assert model.open_set.model.startswith('bundle ')
    found = model.open_set.background
    assert found is not None
    assert found.embeddings.shape == (6, 15 * 45)
    np.testing.assert_allclose(np.linalg.norm(found.embeddings, axis=1), 1.0, atol=1e-5)
    pieces = background.everyday_pieces([], np.random.default_rng(0))
    whole = background.describe(model, pieces).embeddings
    np.testing.assert_allclose(found.embeddings @ whole[0], whole @ whole[0], atol=2e-3)
    card = read_card(folder)
    assert card['background']['pieces'] == {'simulated': 6}
    assert card['results']['open_set'] == {'expected_calibration_error': 0.04}


@pytest.mark.usefixtures('few_pieces')
def test_command_names_the_bundle_and_refuses_findings_that_lack_something(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = motion_bundle(tmp_path / 'bundle')
    findings = tmp_path / 'findings.json'
    findings.write_text(json.dumps({'left_out': {}}), encoding='utf-8')
    with pytest.raises(SystemExit, match='1'):
        background.main([str(folder), '--without', 'utkinect', '--findings', str(findings)])
    assert "'utkinect'" in capsys.readouterr().err
    assert not (folder / BACKGROUND_FILE).exists()


@pytest.mark.usefixtures('few_pieces')
def test_background_of_another_card_is_refused(tmp_path: Path) -> None:
    folder = motion_bundle(tmp_path / 'bundle')
    background.put_into(folder, FINDINGS, [])
    (folder / BACKGROUND_FILE).write_bytes(b'something else')
    with pytest.raises(BundleError, match='is not the background of its card'):
        load_bundle(folder)
    (folder / BACKGROUND_FILE).unlink()
    with pytest.raises(BundleError, match=r'background\.npz cannot be read'):
        load_bundle(folder)
