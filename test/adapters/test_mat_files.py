from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from skeleton_action_ros.adapters.datasets import mat_files
from skeleton_action_ros.adapters.datasets.mat_files import read_mat
from skeleton_action_ros.core.errors import DatasetError

DIES_OF_BAD_FILES = """
import json, os, pickle, sys
for line in sys.stdin:
    path, variable = json.loads(line)
    if 'bad' in path:
        os.abort()
    pickle.dump(('value', path), sys.stdout.buffer)
    sys.stdout.flush()
"""


def test_variable_is_read_as_it_was_saved(tmp_path: Path) -> None:
    saved = np.arange(24.0).reshape(2, 3, 4)
    savemat(tmp_path / 'a.mat', {'d_skel': saved})
    np.testing.assert_array_equal(read_mat(tmp_path / 'a.mat', 'd_skel'), saved)


def test_relative_path_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    savemat(tmp_path / 'a.mat', {'d_skel': np.ones(3)})
    monkeypatch.chdir(tmp_path)
    assert read_mat(Path('a.mat'), 'd_skel').shape == (1, 3)


def test_missing_variable_names_those_there_are(tmp_path: Path) -> None:
    savemat(tmp_path / 'a.mat', {'depth': np.ones(3), 'extra': np.ones(3)})
    with pytest.raises(DatasetError, match=r"'d_skel', got \['depth', 'extra'\]"):
        read_mat(tmp_path / 'a.mat', 'd_skel')


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match='FileNotFoundError'):
        read_mat(tmp_path / 'none.mat', 'd_skel')


def test_file_that_crashes_the_reader_is_refused_and_the_next_one_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = tmp_path / 'worker.py'
    worker.write_text(DIES_OF_BAD_FILES)
    reader = mat_files._Reader()
    monkeypatch.setattr(mat_files, '_WORKER', worker)
    monkeypatch.setattr(mat_files, '_reader', reader)
    for _ in range(2):
        with pytest.raises(DatasetError, match=r'bad\.mat.*down \(exit code -6\)'):
            read_mat(tmp_path / 'bad.mat', 'x')
        assert read_mat(tmp_path / 'good.mat', 'x') == str(tmp_path / 'good.mat')
    reader.close()


def test_reader_that_goes_down_late_costs_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = tmp_path / 'worker.py'
    late = DIES_OF_BAD_FILES.replace("if 'bad' in path:", "if 'bad' in globals().get('last', ''):")
    worker.write_text(f'{late}    last = path\n')
    reader = mat_files._Reader()
    monkeypatch.setattr(mat_files, '_WORKER', worker)
    monkeypatch.setattr(mat_files, '_reader', reader)

    assert read_mat(tmp_path / 'bad.mat', 'x') == str(tmp_path / 'bad.mat')
    assert read_mat(tmp_path / 'good.mat', 'x') == str(tmp_path / 'good.mat')
    reader.close()
