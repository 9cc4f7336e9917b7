"""What `skeleton-action actions` does without a graph, and how it explains a threshold."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from galleries import make_template

from skeleton_action_ros.adapters.gallery_file import read_gallery
from skeleton_action_ros.adapters.gallery_store import GalleryStore
from skeleton_action_ros.cli.actions import threshold_reason
from skeleton_action_ros.cli.main import main
from skeleton_action_ros.core.calibration import Calibration

MEASURED = Calibration('wave', 0.86, 'm 1', "the model's, by background", 0.82, 8, 0.95, 4, 0.9, 0)


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    path = tmp_path / 'gallery.sqlite3'
    with GalleryStore(path) as store:
        store.add(make_template('a', 'wave'))
    return path


def _threshold(gallery: Path, label: str, similarity: str) -> list[str]:
    return ['actions', 'threshold', label, similarity, '--gallery', str(gallery)]


def test_own_threshold_is_set_and_given_back(
    gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*_threshold(gallery, 'wave', '0.9'), '--json']) == 0
    assert json.loads(capsys.readouterr().out) == {'label': 'wave', 'threshold': 0.9}
    assert read_gallery(gallery).own_threshold('wave') == 0.9
    assert main(_threshold(gallery, 'wave', '0')) == 0
    assert 'counts from what is measured' in capsys.readouterr().out
    assert read_gallery(gallery).own_threshold('wave') == 0.0


@pytest.mark.parametrize(
    ('label', 'similarity', 'message'),
    [('wave', '1.5', 'from 0 to 1, got 1.5'), ('bow', '0.5', "no action 'bow' is taught")],
)
def test_unfit_own_threshold_is_refused(
    gallery: Path, label: str, similarity: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(_threshold(gallery, label, similarity)) == 1
    assert message in capsys.readouterr().err
    assert read_gallery(gallery).own_threshold('wave') == 0.25


def test_gallery_that_is_not_there_is_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(_threshold(tmp_path / 'none.sqlite3', 'wave', '0.5')) == 1
    assert 'there is no gallery file' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ('own', 'calibration', 'expected'),
    [
        (
            False,
            MEASURED,
            "the model's, by background (model 0.820, spliced halves 0.90 (4), "
            'altered copies 0.95 (8); m 1)',
        ),
        (True, Calibration('', 0.0, '', '', 0.0), "the user's own"),
        (True, MEASURED, "the user's own; measured were 0.860, the model's, by background"),
    ],
)
def test_reason_of_a_threshold(own: bool, calibration: Calibration, expected: str) -> None:
    item = SimpleNamespace(own_threshold=own, calibration=calibration)
    assert threshold_reason(item).startswith(expected)
