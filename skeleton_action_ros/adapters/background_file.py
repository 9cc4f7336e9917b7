"""
The background of a bundle: what its model says about some hundred pieces of everyday movement.

They are descriptors, not recordings. Each vector is kept in 8 bits a number, which moves a
similarity by less than a thousandth.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.embedding import Descriptors
from skeleton_action_ros.core.errors import BundleError

BACKGROUND_FILE = 'background.npz'
LARGEST_BYTES = 300_000
_ARRAYS = ('embeddings', 'tokens', 'extents')


def write_background(folder: Path, background: Descriptors) -> str:
    """
    Write the background of a bundle.

    :return: sha256 of the file, hexadecimal.
    :raises BundleError: it would have more than `LARGEST_BYTES`.
    """
    packed = io.BytesIO()
    np.savez_compressed(
        packed,
        embeddings=_packed(background.embeddings),
        tokens=_packed(background.tokens),
        extents=background.extents.astype(np.float16),
    )
    data = packed.getvalue()
    if len(data) > LARGEST_BYTES:
        raise BundleError(
            f'the background has {len(data)} bytes, allowed are {LARGEST_BYTES}: take fewer pieces'
        )
    (folder / BACKGROUND_FILE).write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def read_background(folder: Path, sha256: str, width: int, tokens: tuple[int, int]) -> Descriptors:
    """
    Read the background of a bundle.

    :param sha256: what the card says of the file.
    :param width: numbers of an embedding.
    :param tokens: (K, d), of the model's tokens.
    :raises BundleError: it is missing, damaged, not the card's, or of another model.
    """
    path = folder / BACKGROUND_FILE
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BundleError(f'{path} cannot be read: {error.strerror}') from None
    digest = hashlib.sha256(data).hexdigest()
    if digest != sha256:
        raise BundleError(
            f'{path} is not the background of its card: sha256 is {digest}, the card says {sha256}'
        )
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in _ARRAYS}
    except (ValueError, BadZipFile, EOFError, KeyError) as error:
        raise BundleError(f'{path} is damaged: {error}') from None
    count = len(arrays['extents'])
    for name, shape in (
        ('embeddings', (count, width)),
        ('tokens', (count, *tokens)),
        ('extents', (count,)),
    ):
        if arrays[name].shape != shape or count == 0:
            raise BundleError(f'{path}: {name} must be {shape}, got {arrays[name].shape}')
    return Descriptors(
        _unpacked(arrays['embeddings']),
        _unpacked(arrays['tokens']),
        arrays['extents'].astype(np.float32),
    )


def _packed(vectors: NDArray[np.float32]) -> NDArray[np.int8]:
    largest = np.abs(vectors).max(axis=-1, keepdims=True, initial=1e-9)
    return np.asarray(np.round(vectors * (127.0 / largest)), np.int8)


def _unpacked(packed: NDArray[np.int8]) -> NDArray[np.float32]:
    """Return vectors of unit length, which the scale of each does not change."""
    vectors = packed.astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), np.float32)
