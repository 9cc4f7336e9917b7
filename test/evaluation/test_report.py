"""The report: what stands in it, and that a browser draws it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from people import SECOND, FakeModel, circling

from skeleton_action_ros.core.decision import ActionEvent, EventKind
from skeleton_action_ros.core.layouts import Common15
from skeleton_action_ros.core.recognition import RecognizerConfig
from skeleton_action_ros.core.skeleton import ActionSpan
from skeleton_action_ros.core.windows import WindowConfig
from skeleton_action_ros.evaluation.figures import over_rounds
from skeleton_action_ros.evaluation.metrics import Detection
from skeleton_action_ros.evaluation.recordings import Pool, merged, teach
from skeleton_action_ros.evaluation.replay import scenes_of_clip
from skeleton_action_ros.evaluation.report import render_report, write_report
from skeleton_action_ros.evaluation.report.mistakes import worst_mistakes
from skeleton_action_ros.evaluation.report.views import confusion, footage
from skeleton_action_ros.evaluation.rounds import Round, Setup, Teaching, play_round
from skeleton_action_ros.evaluation.streams import Stream


def span(label: str, start_s: float, end_s: float, body_id: int = 1) -> ActionSpan:
    return ActionSpan(label, round(start_s * SECOND), round(end_s * SECOND), body_id)


def stream(name: str, *truth: ActionSpan, **how: Any) -> Stream:
    clip = circling([(1.0, 3.0), (6.0, 8.0)], 9.0, **how)  # at 2 to 4 and 7 to 9 s
    return Stream(Path('/bags') / name, tuple(scenes_of_clip(clip)), truth, True, (), Counter())


LESSON = stream('lesson', span('right', 2, 4))
ASKED = stream('asked', span('right', 2, 4), span('bow', 7, 9), noise_m=0.002)


@pytest.fixture(scope='module')
def one() -> Round:
    lesson = teach([LESSON])
    setup = Setup(FakeModel(), WindowConfig(), RecognizerConfig(threshold=0.9))
    teaching = Teaching('ann', lesson.gallery, lesson.shown)
    return play_round([LESSON, ASKED], teaching, setup, compare=True, timing=False)


def as_json(*rounds: Round) -> dict[str, Any]:
    found, spread = over_rounds([one.found for one in rounds])
    bag = {'bag': 'asked', 'scenes': 271, 'duration_s': 9.0, 'people': 1, 'annotations': 2}
    return {
        'model': 'fake',
        'taught': ['right'],
        **found,
        'spread': spread,
        'rounds': [
            {'teacher': one.teaching.teacher, 'taught': ['right'], **one.found} for one in rounds
        ],
        'bags': [{**bag, 'events': 2, 'refused': {'stamp': 3}, 'problems': ['cut off']}],
        'problems': ['asked: cut off & gone'],
    }


def test_a_round_asks_what_it_was_not_shown(one: Round) -> None:
    assert one.taught == ('right',)
    assert (one.found['shown'], one.found['recognised'], one.found['never_taught']) == (1, 1, 1)
    # The second circle of each recording: of nobody's truth in one, of a bow in the other.
    assert (one.found['false_events'], one.found['false_on_never_taught']) == (2, 1)
    assert set(one.found['compared']) == {'subsequence_dtw', 'best_label_per_window'}
    assert one.found['compared']['subsequence_dtw']['event_f1']['0.1'] > 0
    assert one.found['frame_latency_ms'] == {'p50': None, 'p99': None}


def test_confusion_adds_rounds_up(one: Round) -> None:
    found = confusion([one, one])
    assert (found.rows, found.columns) == (
        ('right', 'never taught', 'nothing, or again'),
        ('right', 'none'),
    )
    assert found.counts == ((2, 0), (2, 0), (2, 0))


def test_footage_shows_demonstrations_and_what_became_of_the_rest(one: Round) -> None:
    lesson, asked = (footage(recording, one.taught) for recording in one.recordings)
    assert [(bar.label, bar.outcome) for bar in lesson.shown] == [('right', 'taught')]
    assert [(bar.label, bar.outcome) for bar in asked.shown] == [
        ('right', 'recognised'),
        ('bow', 'never taught'),
    ]
    assert [bar.outcome for bar in lesson.events] == ['taught', 'false']
    assert [bar.outcome for bar in asked.events] == ['recognised', 'false']
    assert all(bar.open_ns and bar.open_ns[0] <= bar.open_ns[1] for bar in asked.events)


def test_worst_mistakes_are_the_surest_and_say_what_was_done(one: Round) -> None:
    found = worst_mistakes([one])
    assert {(item.kind, item.done, item.taken_for) for item in found} == {
        ('false', 'nothing', 'right'),
        ('false', 'bow', 'right'),
    }
    assert found[0].weight >= found[1].weight
    assert len(worst_mistakes([one] * 9)) == 12


def test_missed_and_wrong_are_mistakes_too() -> None:
    left = circling([(1.0, 3.0)], 4.0, hand=Common15.HAND_LEFT)
    asked = Stream(
        Path('/bags/left'),
        tuple(scenes_of_clip(left)),
        (span('right', 2, 4), span('right', 20, 21)),
        True,
        (),
        Counter(),
    )
    lesson = teach([LESSON])
    setup = Setup(FakeModel(), WindowConfig(), RecognizerConfig(threshold=0.9))
    played = play_round([asked], Teaching('ann', lesson.gallery, {}), setup)
    event = ActionEvent(EventKind.STARTED, 1, 'kick', 2 * SECOND, 4 * SECOND, 4 * SECOND, 0.7)
    (recording,) = played.recordings
    told = replace(recording, replay=replace(recording.replay, events=(event,)))
    found = worst_mistakes([replace(played, recordings=(told,), taught=('kick', 'right'))])
    assert [(item.kind, item.done, item.taken_for) for item in found] == [
        ('wrong', 'right', 'kick'),
        ('missed', 'right', 'right'),
    ]


def test_rounds_are_merged_with_their_own_idea_of_what_was_taught() -> None:
    pool = Pool(
        truth=(span('wave', 0, 2), span('bow', 4, 6)),
        detections=(Detection(span('wave', 0, 2), 2 * SECOND, 0.9),),
        stamps_ns={},
        ignored=(),
        evidence=(),
        hours=1.0,
        hours_of_nothing=0.5,
    )
    found = merged([pool, pool], [['wave', 'bow'], ['bow']])
    assert [one.label for one in found.truth] == ['wave', 'bow', '', 'bow']
    assert len({one.body_id for one in found.truth}) == 2
    assert [one.span.body_id for one in found.detections] == [
        found.truth[0].body_id,
        found.truth[2].body_id,
    ]
    assert (found.hours, found.hours_of_nothing) == (2.0, 1.0)


def test_the_page_tells_everything_and_loads_nothing(one: Round) -> None:
    text = render_report(as_json(one, one), [one, one], 'skeleton-action evaluate --bag <x>')
    assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)=', text)
    for words in (
        'asked: cut off &amp; gone',
        'subsequence DTW on joints',
        'best label per window',
        'Who taught',
        '± 0.00',
        '3 stamp',
        'evaluate --bag &lt;x&gt;',
        'nothing taken for <strong>right</strong>',
    ):
        assert words in text, words
    data = json.loads(
        re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)[0]
    )
    assert [recording['name'] for recording in data['recordings']] == [
        'lesson, taught by ann',
        'asked, taught by ann',
    ]
    assert set(data['plots']) == {
        'methods',
        'precision-recall',
        'acceptance',
        'threshold',
        'reliability',
        'onset',
        'onset-share',
        'frame',
    }
    assert all(len(item['tracks']) == 2 for item in data['mistakes'])


def test_a_report_of_nothing_that_could_be_read_is_a_page_too() -> None:
    lesson = teach([LESSON])
    setup = Setup(FakeModel(), WindowConfig(), RecognizerConfig())
    nothing = play_round([], Teaching('ann', lesson.gallery, {}), setup)
    text = render_report(as_json(nothing), [nothing])
    assert 'Not everything could be read' in text
    assert '<p>None.</p>' in text


PROBE = """
<pre id="probe"></pre>
<script>
document.getElementById('probe').textContent = JSON.stringify({
  names: [...chosen.options].map((option) => option.text),
  clock: clock.textContent,
  bars: document.querySelectorAll('#timeline .point').length,
  plots: [...document.querySelectorAll('.js-plotly-plot')].map((plot) => plot.id),
  painted: minis.map((mini) => {
    const { width, height } = mini.canvas;
    const { data } = mini.canvas.getContext('2d').getImageData(0, 0, width, height);
    let count = 0;
    for (let index = 3; index < data.length; index += 4) count += data[index] > 0 ? 1 : 0;
    return count;
  }),
  clicked: (minis[0].canvas.parentElement.click(), chosen.value),
});
</script>
"""


def test_a_browser_draws_recordings_plots_and_mistakes(
    one: Round, tmp_path: Path, browser_dom: Callable[[Path, str], str]
) -> None:
    path = tmp_path / 'deep' / 'report.html'
    write_report(path, as_json(one), [one])
    path.write_text(path.read_text('utf-8').replace('</body>', f'{PROBE}</body>'), 'utf-8')
    found = re.search(r'<pre id="probe">(.*?)</pre>', browser_dom(path, '#r=1&t=3'))
    assert found
    probe = json.loads(found.group(1))
    assert probe['names'] == ['lesson', 'asked']
    assert probe['clock'] == '3.0 s'
    assert probe['bars'] == 4
    assert len(probe['plots']) == 9
    assert min(probe['painted']) > 500
    first = worst_mistakes([one])[0].recording.stream.name
    assert probe['clicked'] == str(['lesson', 'asked'].index(first))
