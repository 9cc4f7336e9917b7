from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from skeleton_action_ros.core.skeleton import Scene, SkeletonFrame
from skeleton_action_ros.evaluation.page import (
    Bar,
    Confusion,
    Figure,
    PageData,
    Table,
    render_page,
    write_page,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

S = 1_000_000_000
START_NS = 1_700_000_000 * S


def frame(stamp_ns: int, body_id: int, x_m: float) -> SkeletonFrame:
    joints = np.zeros((15, 3), np.float32)
    joints[:, 0] = x_m
    joints[:, 1] = np.linspace(-0.9, 0.9, 15)
    joints[:, 2] = 2.5
    return SkeletonFrame(stamp_ns, body_id, 'common_15', joints, np.full(15, 0.5, np.float32))


def page_data(**changed: Any) -> PageData:
    """Two persons for three seconds at 30 Hz: one walks to the right, one stands."""
    stamps = [START_NS + round(index * S / 30) for index in range(91)]
    values: dict[str, Any] = {
        'title': 'A test',
        'subtitle': 'two persons',
        'figures': [Figure('Recognised', '1 of 2', 'taught actions')],
        'people': {7: 'G', 9: 'H'},
        'scenes': [
            Scene(
                stamp, (frame(stamp, 7, 0.01 * index), frame(stamp, 9, -1.0), frame(stamp, 11, 9.0))
            )
            for index, stamp in enumerate(stamps)
        ],
        'shown': [
            Bar(7, 'clap', START_NS + S, START_NS + 2 * S, 'recognised'),
            Bar(9, 'bow', START_NS, START_NS + S, 'missed'),
        ],
        'events': [
            Bar(
                7,
                'clap',
                START_NS + S,
                START_NS + 2 * S,
                'recognised',
                open_ns=(START_NS + 3 * S // 2, START_NS + 5 * S // 2),
            ),
        ],
        'confusion': Confusion(('clap', 'bow'), ('clap', 'bow', 'none'), ((1, 0, 0), (0, 0, 1))),
        'actions': Table(('action', 'shown'), (('clap', '1'), ('bow', '1'))),
        'latencies_ms': [3.0, 4.0, 9.0],
    }
    values.update(changed)
    return PageData(**values)


class Loads(HTMLParser):
    """Collects what a page would load from elsewhere, and its JSON."""

    def __init__(self) -> None:
        super().__init__()
        self.outside: list[str] = []
        self.cells: list[str] = []
        self._in_data = False
        self._cell = False
        self.data = ''

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.outside += [value or '' for name, value in attrs if name in ('src', 'href', 'srcset')]
        self._in_data = tag == 'script' and given.get('id') == 'data'
        self._cell = tag in ('td', 'th')

    def handle_endtag(self, tag: str) -> None:
        self._in_data = self._cell = False

    def handle_data(self, data: str) -> None:
        if self._in_data:
            self.data += data
        if self._cell:
            self.cells.append(data)


def parsed(text: str) -> Loads:
    page = Loads()
    page.feed(text)
    return page


def test_page_loads_nothing_from_elsewhere() -> None:
    text = render_page(page_data())
    assert parsed(text).outside == []
    style = text[text.index('<style>') : text.index('</style>')]
    assert '@import' not in style
    assert 'url(' not in style
    assert len(text) < 8_000_000


def test_tracks_hold_what_was_seen_in_millimetres_and_per_cent() -> None:
    data = json.loads(parsed(render_page(page_data())).data)
    assert [track['body'] for track in data['tracks']] == [7, 9]
    walker = data['tracks'][0]
    times = np.frombuffer(base64.b64decode(walker['times']), '<i4')
    joints = np.frombuffer(base64.b64decode(walker['joints']), '<i2').reshape(len(times), 15, 3)
    confidence = np.frombuffer(base64.b64decode(walker['confidence']), 'u1')
    assert times[0] == 0
    assert 2900 <= times[-1] <= 3000
    assert np.diff(times).min() >= 33
    assert 40 <= len(times) <= 61, 'thinned to about 20 a second'
    frames = np.round(times / 1000 * 30).astype(int)
    np.testing.assert_array_equal(joints[:, 0, 0], frames * 10)
    assert set(joints[:, :, 2].ravel()) == {2500}
    assert joints[0, 0, 1] == -900
    assert joints[0, 14, 1] == 900
    assert set(confidence) == {50}


def test_times_are_seconds_from_the_first_scene() -> None:
    data = json.loads(parsed(render_page(page_data())).data)
    assert data['seconds'] == pytest.approx(3.0, abs=0.01)
    assert data['events'][0]['open'] == [1.5, 2.5]
    assert (data['shown'][1]['start'], data['shown'][1]['end']) == (0.0, 1.0)


def test_a_label_cannot_break_the_page() -> None:
    nasty = '</script><b>"x" & \'y\''
    page = parsed(
        render_page(
            page_data(
                title=nasty,
                events=[Bar(7, nasty, START_NS, START_NS + S, 'false')],
                actions=Table(('action',), ((nasty,),)),
            )
        )
    )
    assert json.loads(page.data)['events'][0]['label'] == nasty
    assert ''.join(page.cells).count(nasty) == 1


def test_a_long_recording_is_thinned_so_that_the_page_stays_small() -> None:
    stamps = [START_NS + round(index * S / 30) for index in range(36_000)]
    shared = frame(START_NS, 7, 0.0)
    scenes = [
        Scene(
            stamp,
            tuple(
                SkeletonFrame(stamp, body, 'common_15', shared.joints_m, shared.confidence)
                for body in (7, 9)
            ),
        )
        for stamp in stamps
    ]
    text = render_page(page_data(scenes=scenes))
    assert len(text) < 10_000_000
    assert len(json.loads(parsed(text).data)['tracks']) == 2


def test_page_without_scenes_is_refused() -> None:
    with pytest.raises(ValueError, match='at least one scene'):
        render_page(page_data(scenes=[]))


def test_confusion_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match='2 rows of 3'):
        render_page(
            page_data(confusion=Confusion(('a', 'b'), ('a', 'b', 'none'), ((1, 0), (0, 1))))
        )


def test_no_events_and_nobody_in_view_still_make_a_page() -> None:
    text = render_page(page_data(events=[], latencies_ms=[], scenes=[Scene(START_NS, ())]))
    assert json.loads(parsed(text).data)['tracks'] == []


def test_write_page_replaces_the_old_one_whole(tmp_path: Path) -> None:
    path = tmp_path / 'deep' / 'report.html'
    write_page(path, page_data(title='first'))
    write_page(path, page_data(title='second'))
    assert '<title>second</title>' in path.read_text(encoding='utf-8')
    assert [item.name for item in path.parent.iterdir()] == ['report.html']


PROBE = """
<pre id="probe"></pre>
<script>
const pixels = pen.getImageData(0, 0, canvas.width, canvas.height).data;
let painted = 0;
const before = clock.textContent;
for (let index = 3; index < pixels.length; index += 4) painted += pixels[index] > 0 ? 1 : 0;
const open = data.events.filter((bar) => bar.open[0] <= now && now <= bar.open[1]).length;
document.getElementById('timeline').emit('plotly_click', { points: [{ customdata: ['', 0.5] }] });
const clicked = clock.textContent;
play.click();
document.getElementById('probe').textContent = JSON.stringify({
  painted,
  clock: before,
  clicked,
  playing: play.textContent,
  bars: document.querySelectorAll('#timeline .point').length,
  columns: document.querySelectorAll('#latency .point').length,
  open,
});
</script>
"""


def test_a_browser_draws_the_page_at_the_time_in_its_address(
    tmp_path: Path, browser_dom: Callable[[Path, str], str]
) -> None:
    path = tmp_path / 'report.html'
    write_page(path, page_data())
    path.write_text(path.read_text('utf-8').replace('</body>', f'{PROBE}</body>'), 'utf-8')
    found = re.search(r'<pre id="probe">(.*?)</pre>', browser_dom(path, '#t=2'))
    assert found
    probe = json.loads(found.group(1))
    assert probe['clock'] == '2.0 s'
    assert probe['painted'] > 2000
    assert probe['bars'] == 3
    assert probe['columns'] >= 2
    assert probe['open'] == 1
    assert probe['clicked'] == '0.5 s', 'a click on a bar goes to its start'
    assert probe['playing'] == 'Pause'
