"""
`python -m benchmarks.idle`: what is recognised while nothing that was taught is done.

Simulated persons, a new one every five minutes, stand about (they breathe, sway, look around,
shift their weight and fidget) and do everyday things now and then. Another person has taught ten
other actions, once each. The recogniser runs as in the nodes, without them: every event is false.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from benchmarks.results import machine
from skeleton_action_ros.adapters.onnx_bundle import load_bundle
from skeleton_action_ros.core.errors import SkeletonActionError
from skeleton_action_ros.core.gallery import Gallery, Template, template_id
from skeleton_action_ros.core.simulation import (
    Performance,
    Sensor,
    SimulatedSource,
    draw_person,
    shuffled,
    simulate_action,
)
from skeleton_action_ros.core.skeleton import NS_PER_S, ActionSpan, Scene
from skeleton_action_ros.evaluation.replay import detections_of, replay

TAUGHT = (
    'wave_right',
    'clap',
    'kick_right',
    'bow',
    'raise_both_arms',
    'push',
    'draw_circle',
    'squat',
    'punch_right',
    'throw',
)
EVERYDAY = (
    'sit_down',
    'stand_up',
    'walk_on_the_spot',
    'turn_around',
    'drink',
    'phone_call',
    'check_watch',
    'scratch_head',
    'hands_on_hips',
    'cross_arms',
    'shrug',
    'pick_up',
)
_SESSION_S = 300.0
_PAUSE_S = 4.0
_LAYOUT = 'k4abt_32'


@dataclass(frozen=True)
class Found:
    """
    What came of one person's five minutes.

    :param done: how many everyday actions there were.
    :param false: what was recognised, and (empty: nothing) during what.
    """

    done: int
    false: tuple[tuple[str, str], ...]


def main() -> int:
    """Run the hours asked for and say what was recognised; 1 where the model cannot be used."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.idle', description=__doc__)
    parser.add_argument('--hours', type=float, default=1.0)
    parser.add_argument('--model', default='default', help='model bundle: a name or a folder')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--json', action='store_true')
    given = parser.parse_args()
    try:
        sessions = list(_sessions(given.hours, given.model, given.seed))
    except SkeletonActionError as error:
        print(error, file=sys.stderr)
        return 1
    false = [one for session in sessions for one in session.false]
    document = {
        'machine': machine(),
        'model': given.model,
        'hours': given.hours,
        'persons': len(sessions),
        'everyday_actions': sum(session.done for session in sessions),
        'false_events': len(false),
        'false_events_per_hour': round(len(false) / given.hours, 2),
        'events': [{'label': label, 'during': during} for label, during in false],
    }
    print(json.dumps(document, indent=2) if given.json else _sentence(document))
    return 0


def _sessions(hours: float, model_name: str, seed: int) -> Iterator[Found]:
    model = load_bundle(model_name, threads=1)
    gallery = _taught(seed)
    count = max(1, round(hours * 3600.0 / _SESSION_S))
    length_s = hours * 3600.0 / count
    for session in tqdm(range(count), desc='idle', unit=' persons', disable=None):
        scenes, spans = _session(seed, session, length_s)
        events = replay(scenes, model, gallery).events
        yield Found(
            len(spans),
            tuple((one.span.label, _during(one.span, spans)) for one in detections_of(events)),
        )


def _taught(seed: int) -> Gallery:
    """Have one person show each action once."""
    rng = np.random.default_rng([seed, 0])
    teacher = draw_person(rng)
    gallery = Gallery()
    for place, label in enumerate(TAUGHT, 1):
        clip = simulate_action(label, teacher, Sensor(), rng)
        stamp_ns = place * NS_PER_S
        gallery = gallery.add(
            Template(template_id(label, clip, stamp_ns), label, clip, 0.0, stamp_ns, 'simulated')
        )
    return gallery


def _session(
    seed: int, session: int, length_s: float
) -> tuple[list[Scene], tuple[ActionSpan, ...]]:
    person = draw_person(np.random.default_rng([seed, 1, session]))
    script = shuffled(EVERYDAY, seed + session)
    performance = Performance(person, 1, script, pause_s=_PAUSE_S)
    source = SimulatedSource([performance], Sensor(), _LAYOUT, seed + session, length_s)
    scenes = list(source.scenes())
    return scenes, tuple(span for scene in scenes for span in scene.finished)


def _during(event: ActionSpan, spans: tuple[ActionSpan, ...]) -> str:
    """Return what was really done in most of an event; empty where that is nothing."""
    shared_ns, label = max(
        (
            (min(span.end_ns, event.end_ns) - max(span.start_ns, event.start_ns), span.label)
            for span in spans
        ),
        default=(0, ''),
    )
    return label if shared_ns > 0 else ''


def _sentence(document: dict[str, object]) -> str:
    events = document['events']
    assert isinstance(events, list)
    lines = [f'{one["label"]} during {one["during"] or "nothing"}' for one in events]
    return '\n'.join(
        [
            f'{document["false_events"]} false events in {document["hours"]} h of '
            f'{document["persons"]} persons with {document["everyday_actions"]} everyday actions',
            *lines,
        ]
    )


if __name__ == '__main__':
    sys.exit(main())
