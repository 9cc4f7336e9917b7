"""That the benchmarks measure something; what they measure is never asserted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from domains import free_domain

pytest.importorskip('rclpy', reason='ROS 2 is not installed: run make setup')

ROOT = Path(__file__).resolve().parents[2]


def bench(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        'ROS_DOMAIN_ID': str(free_domain()),
        'ROS_LOG_DIR': str(out / 'log'),
    }
    return subprocess.run(
        [sys.executable, '-m', 'benchmarks', '--json', '--out', str(out), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=False,
    )


def rows(done: subprocess.CompletedProcess[str], out: Path) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document == json.loads((out / 'bench.json').read_text('utf-8'))
    assert document['failures'] == {}
    assert int(document['machine']['cores']) >= 1
    return {row['name']: row for row in document['rows']}


def test_the_embedder_is_timed_for_one_window_and_six(tmp_path: Path) -> None:
    found = rows(bench(tmp_path, '--only', 'embedder'), tmp_path)
    assert [name for name in found if 'fp32' in name] == [
        'model in fp32, 1 window, one thread',
        'model in fp32, 6 windows, one thread',
    ]
    assert all(0.0 < row['p50'] <= row['p99'] for row in found.values())


def test_matching_is_timed_for_one_query_and_six(tmp_path: Path) -> None:
    found = rows(bench(tmp_path, '--only', 'matching'), tmp_path)
    assert list(found) == [
        'matching 1 query with 100 templates',
        'matching 6 queries with 100 templates',
    ]
    assert all(0.0 < row['p50'] <= row['p99'] for row in found.values())


def test_one_process_is_timed_from_skeletons_to_labels(tmp_path: Path) -> None:
    done = bench(tmp_path, '--only', 'one-process', '--seconds', '6')
    found = rows(done, tmp_path)
    labels = found['one process: skeletons received to labels received']
    assert labels['samples'] > 10
    assert 0.0 < labels['p50'] <= labels['p99']
    assert found['one process: processor used']['p50'] > 0.0


def test_each_topic_of_another_program_is_timed_to_skeletons(tmp_path: Path) -> None:
    found = rows(bench(tmp_path, '--only', 'topics', '--seconds', '0.5'), tmp_path)
    names = [name.partition(':')[0] for name in found]
    assert names[:2] == ['topic', 'markers']
    for row in found.values():
        assert row['samples'] > 0
        assert 0.0 < row['p50'] <= row['p99']


def test_each_source_that_is_read_is_timed_from_an_image_to_skeletons(tmp_path: Path) -> None:
    pytest.importorskip('mediapipe', reason='requirements/rgb.txt is not installed')
    found = rows(bench(tmp_path, '--only', 'devices', '--seconds', '0.5'), tmp_path)
    names = [name.partition(':')[0] for name in found]
    assert (names[0], names[-1]) == ('rgb', 'k4abt_json')
    assert 0.0 < found['k4abt_json: due to skeletons received']['p50'] < 1000.0


def test_a_model_that_is_not_there_is_named_and_fails(tmp_path: Path) -> None:
    done = bench(tmp_path, '--only', 'embedder', '--model', 'no-such-model')
    assert done.returncode == 1
    assert 'no-such-model' in done.stderr
    assert 'embedder' in json.loads(done.stdout)['failures']
