"""The demonstration as a user starts it: real nodes, real DDS, the shipped model, real time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from domains import free_domain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest.importorskip('rclpy', reason='ROS 2 is not installed: run make setup')

PROBE = """
<pre id="probe"></pre>
<script>
const pixels = pen.getImageData(0, 0, canvas.width, canvas.height).data;
let painted = 0;
for (let index = 3; index < pixels.length; index += 4) painted += pixels[index] > 0 ? 1 : 0;
document.getElementById('probe').textContent = JSON.stringify({
  painted,
  people: data.people.map((person) => person.name),
  tracks: data.tracks.length,
  shown: data.shown.length,
  seconds: data.seconds,
});
</script>
"""


def run_demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        'ROS_DOMAIN_ID': str(free_domain()),
        'ROS_LOG_DIR': str(folder / 'log'),
    }
    return subprocess.run(
        [sys.executable, '-m', 'skeleton_action_ros.cli', 'demo', '--out', str(folder), *arguments],
        capture_output=True,
        text=True,
        timeout=180,
        env=environment,
        check=False,
    )


@pytest.fixture(scope='module')
def demo(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[subprocess.CompletedProcess[str], Path]:
    folder = tmp_path_factory.mktemp('demo')
    (folder / 'report.html').write_text('left over')
    return run_demo(folder, '--short'), folder


def test_short_demo_succeeds_and_says_what_it_saw(
    demo: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    done, folder = demo
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r'learned from \d\.\d s of motion', done.stdout)) == 2
    assert len(re.findall(r' s  [BCD]  (?!\(nothing\))', done.stdout)) == 12
    assert f'{folder}/report.html' in done.stdout
    assert '\x1b[' not in done.stdout, 'colour on what is no terminal'


def test_summary_adds_up(demo: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    summary: dict[str, Any] = json.loads((demo[1] / 'summary.json').read_text('utf-8'))
    assert summary['broken'] == ''
    assert summary['shown'] == 6
    assert summary['recognised'] + summary['missed'] + summary['wrong'] == 6
    assert summary['recognised'] >= 5
    assert summary['never_taught'] == 6
    assert 0 <= summary['false_on_never_taught'] <= summary['false_events']
    assert 0.0 < summary['latency_ms']['p50'] <= summary['latency_ms']['p99']
    assert {label: count['shown'] for label, count in summary['per_action'].items()} == {
        'wave_right': 3,
        'bow': 3,
    }


def test_report_shows_everybody_in_a_browser(
    demo: tuple[subprocess.CompletedProcess[str], Path],
    tmp_path: Path,
    browser_dom: Callable[[Path, str], str],
) -> None:
    page = tmp_path / 'report.html'
    text = (demo[1] / 'report.html').read_text('utf-8')
    page.write_text(text.replace('</body>', f'{PROBE}</body>'), 'utf-8')
    found = re.search(r'<pre id="probe">(.*?)</pre>', browser_dom(page, '#t=20'))
    assert found
    probe = json.loads(found.group(1))
    assert probe['people'] == ['A', 'B', 'C', 'D']
    assert probe['tracks'] == 4
    assert probe['shown'] == 2 + 12
    assert probe['seconds'] > 20.0
    assert probe['painted'] > 5000


def test_a_model_that_is_not_there_breaks_the_run_in_one_line(tmp_path: Path) -> None:
    done = run_demo(tmp_path, '--short', '--json', '--model', 'no-such-model')
    assert done.returncode == 1
    assert json.loads(done.stdout)['broken'].startswith('a node cannot start')
    assert 'no-such-model' in done.stderr
    assert 'Traceback' not in done.stderr
