"""A process that changes a gallery is killed, again and again, at random instants."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from galleries import NaiveGallery, contents, files, open_store

import skeleton_action_ros

WRITER = """
import json, sys
import numpy as np
from skeleton_action_ros.adapters.gallery_store import GalleryStore
from skeleton_action_ros.core.gallery import Template
from skeleton_action_ros.core.skeleton import Clip

path, operations, start = sys.argv[1], json.load(open(sys.argv[2])), int(sys.argv[3])
print('ready', flush=True)
store = GalleryStore(path)
for index, (kind, first, second, replace) in enumerate(operations[start:], start):
    if kind == 'add':
        joints = np.random.default_rng(index).normal(size=(60, 15, 3)).astype(np.float32)
        stamps = np.arange(1, 61, dtype=np.int64)
        clip = Clip(joints, np.ones((60, 15), np.float32), stamps, 'common_15')
        store.add(Template(first, second, clip, 0.0, index, ''), replace=replace)
    elif kind == 'rename':
        store.rename(first, second)
    else:
        store.remove(first, second)
    print('done', flush=True)
"""


@dataclass
class Script:
    """Changes that all succeed, and what is in the gallery after the first n of them."""

    operations: list[tuple[str, str, str, bool]]
    states: list[list[tuple[str, str]]]


def write_script(count: int, rng: random.Random) -> Script:
    operations: list[tuple[str, str, str, bool]] = []
    naive = NaiveGallery()
    states = [list(naive.rows)]
    for index in range(count):
        kind = rng.choice(['add', 'add', 'add', 'replace', 'rename', 'remove'])
        taught = sorted({label for _, label in naive.rows})
        if kind in ('add', 'replace') or not taught:
            label = f'action {rng.randrange(8)}'
            naive.add(str(index), label, kind == 'replace')
            operations.append(('add', str(index), label, kind == 'replace'))
        elif kind == 'rename':
            label = rng.choice(taught)
            naive.rename(label, f'renamed {index}')
            operations.append(('rename', label, f'renamed {index}', False))
        else:
            identity, label = rng.choice(naive.rows)
            identity = rng.choice([identity, ''])
            naive.remove(label, identity)
            operations.append(('remove', label, identity, False))
        states.append(list(naive.rows))
    return Script(operations, states)


def test_killed_at_any_instant_it_holds_all_acknowledged_changes_and_whole_ones(
    tmp_path: Path,
) -> None:
    rng = random.Random(20240517)
    script = write_script(4000, rng)
    path, plan = tmp_path / 'gallery.db', tmp_path / 'operations.json'
    plan.write_text(json.dumps(script.operations))
    environment = dict(os.environ, PYTHONPATH=str(Path(skeleton_action_ros.__file__).parents[1]))
    done = interrupted = 0
    for kill in range(25):
        writer = subprocess.Popen(
            [sys.executable, '-c', WRITER, str(path), str(plan), str(done)],
            stdout=subprocess.PIPE,
            env=environment,
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == b'ready\n'
        time.sleep(rng.uniform(0.0, 0.02 if kill % 3 == 0 else 0.15))
        writer.kill()
        acknowledged = writer.stdout.read().count(b'done\n')
        assert writer.wait(10) == -9

        interrupted += 'gallery.db-journal' in files(tmp_path)
        with open_store(path) as store:
            gallery = store.load()
        assert store.warnings == []
        assert gallery.revision in (done + acknowledged, done + acknowledged + 1)
        assert contents(gallery) == script.states[gallery.revision]
        for template in gallery.templates:
            joints = np.random.default_rng(int(template.id)).normal(size=(60, 15, 3))
            assert np.array_equal(template.clip.joints_m, joints.astype(np.float32))
        done = gallery.revision
    assert done > 10, f'the writer made only {done} changes before the kills'
    assert interrupted > 0, 'no kill fell into a change'
    assert {name for name in files(tmp_path) if 'corrupt' in name} == set()
