"""Galleries for tests: templates, comparing them, and the rules written out a second time."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from skeleton_action_ros.adapters.gallery_store import GalleryStore
from skeleton_action_ros.core.gallery import Gallery, GalleryConfig, Template
from skeleton_action_ros.core.layouts import LAYOUTS
from skeleton_action_ros.core.skeleton import Clip

NOON = datetime(2024, 5, 17, 12, 0, 3, tzinfo=timezone.utc)


def make_clip(seed: int = 0, frames: int = 4, layout: str = 'common_15') -> Clip:
    rng = np.random.default_rng(seed)
    joints = LAYOUTS[layout].joint_count
    return Clip(
        joints_m=rng.normal(size=(frames, joints, 3)).astype(np.float32),
        confidence=rng.random((frames, joints)).astype(np.float32),
        stamps_ns=np.arange(1, frames + 1, dtype=np.int64) * 33_333_333,
        layout=layout,
        subject='s1',
    )


def make_template(identity: str, label: str, seed: int = 0) -> Template:
    return Template(identity, label, make_clip(seed), 0.25, 1_700_000_000_123_456_789, 'by hand')


def open_store(path: Path, **config: int) -> GalleryStore:
    return GalleryStore(path, GalleryConfig(**config), clock=lambda: NOON, busy_timeout_s=0.2)


def contents(gallery: Gallery) -> list[tuple[str, str]]:
    return [(template.id, template.label) for template in gallery.templates]


def assert_same(got: Gallery, expected: Gallery) -> None:
    assert got.revision == expected.revision
    assert got.templates == expected.templates
    for one, other in zip(got.templates, expected.templates, strict=True):
        for name in ('joints_m', 'confidence', 'stamps_ns'):
            array, wanted = getattr(one.clip, name), getattr(other.clip, name)
            assert array.dtype == wanted.dtype
            assert array.shape == wanted.shape
            assert array.tobytes() == wanted.tobytes()
        assert (one.clip.layout, one.clip.label) == (other.clip.layout, other.clip.label)
        assert one.clip.subject == other.clip.subject


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class NaiveGallery:
    """A list of (id, label) and rules written out once more."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str]] = []

    def add(self, identity: str, label: str, replace: bool) -> bool:
        label = label.strip()
        if label in ('', 'idle'):
            return False
        if replace:
            self.rows = [row for row in self.rows if row[1] != label]
        self.rows.append((identity, label))
        return True

    def rename(self, label: str, new_label: str) -> bool:
        label, new_label = label.strip(), new_label.strip()
        taught = {row[1] for row in self.rows}
        if label not in taught or new_label in taught or new_label in ('', 'idle'):
            return False
        self.rows = [(one, new_label if name == label else name) for one, name in self.rows]
        return True

    def remove(self, label: str, identity: str) -> bool:
        label = label.strip()
        gone = [row for row in self.rows if row[1] == label and identity in ('', row[0])]
        self.rows = [row for row in self.rows if row not in gone]
        return bool(gone)
