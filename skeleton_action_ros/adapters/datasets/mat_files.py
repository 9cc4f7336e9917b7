"""MATLAB files, with SciPy: the one reader that the data sets in that format share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skeleton_action_ros.core.errors import DatasetError


def read_mat(path: Path, variable: str) -> Any:
    """
    Read one variable of a MATLAB 5 file.

    :raises DatasetError: SciPy is not installed, the file cannot be read, or lacks the variable.
    """
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise DatasetError(
            f'{path}: reading .mat files needs SciPy: pip install scipy ({error})'
        ) from error
    try:
        content = loadmat(str(path), appendmat=False)
    except Exception as error:  # SciPy raises whatever damaged bytes lead it into
        raise DatasetError(
            f'{path}: expected a readable MATLAB 5 file, got {type(error).__name__}: {error}'
        ) from error
    if variable not in content:
        names = sorted(name for name in content if not name.startswith('__'))
        raise DatasetError(f'{path}: expected a variable {variable!r}, got {names}')
    return content[variable]
