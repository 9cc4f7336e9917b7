"""Embeddings as a picture."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from training_clips import lifting_samples, tiny_recipe

from training import map as maps
from training.map import SIDE_PX, drawn, laid_out, main, pixels
from training.protocols import ask_exam
from training.trainer import Trainer


def test_places_fill_the_picture_and_keep_their_proportions() -> None:
    found = pixels(np.array([[0.0, 0.0], [4.0, 1.0], [2.0, 0.5]], np.float32))

    # 920 pixels for 4 across, so 230 for 1 up; up is towards row 0.
    assert found.tolist() == [[40, 615], [960, 385], [500, 500]]


def test_every_clip_has_its_colour_and_references_a_ring() -> None:
    places = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], np.float32)

    picture = drawn(places, ['clap', 'wave', 'clap'], np.array([True, False, False]), 'a title')

    def at(place: int) -> list[int]:
        column, row = pixels(places)[place]
        return [int(part) for part in picture[row, column]]

    assert at(0) == at(2) == [217, 0, 0]
    assert at(1) == [0, 217, 217]
    column, row = pixels(places)[0]
    assert picture[row, column + 11].max() < 100
    column, row = pixels(places)[2]
    assert (picture[row, column + 11] == 255).all()
    assert (picture[:, SIDE_PX:] < 128).any()


def test_checkpoint_becomes_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    samples = lifting_samples(people=3)
    questions = {'': ask_exam(samples, np.random.default_rng(0))}
    asked = SimpleNamespace(samples=samples, questions=questions)
    monkeypatch.setattr(maps, 'exercise', lambda protocol: asked)
    monkeypatch.setattr(maps, 'laid_out', lambda embeddings, seed: embeddings[:, :2])
    with Trainer(tiny_recipe(), samples) as trainer:
        trainer.save(tmp_path / 'checkpoint.pt')

    assert main([str(tmp_path / 'checkpoint.pt'), '--out', str(tmp_path / 'map.png')]) == 0

    picture = cv2.imread(str(tmp_path / 'map.png'))
    assert picture is not None
    assert picture.shape == (1000, 1420, 3)
    assert '30 clips of 6 actions' in capsys.readouterr().out
    assert [path.name for path in tmp_path.glob('*.part')] == []


def test_neighbours_stay_neighbours() -> None:
    rng = np.random.default_rng(0)
    centres = np.repeat(np.eye(3, 8, dtype=np.float32), 12, axis=0)

    places = laid_out(centres + 0.05 * rng.normal(size=centres.shape).astype(np.float32))

    distances = np.linalg.norm(places[:, None] - places, axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (distances.argmin(axis=1) // 12 == np.arange(36) // 12).all()


def test_seed_is_a_whole_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / 'none.pt'), '--out', str(tmp_path / 'map.png'), '--seed', '-1'])

    assert ended.value.code == 2
    assert "a seed is a whole number from 0 to 4294967295, got '-1'" in capsys.readouterr().err


@pytest.mark.parametrize('name', ['map.jpg', 'map', '.'])
def test_map_is_a_png(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / 'none.pt'), '--out', str(tmp_path / name)])

    assert ended.value.code == 1
    assert '--out must be a file that ends in .png, got' in capsys.readouterr().err


def test_missing_checkpoint_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / 'none.pt'), '--out', str(tmp_path / 'map.png')])

    assert ended.value.code == 1
    assert 'none.pt cannot be read' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
