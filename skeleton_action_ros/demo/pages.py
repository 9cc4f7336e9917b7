"""The page of one run of the demonstration."""

from __future__ import annotations

from skeleton_action_ros.core.simulation import Person
from skeleton_action_ros.core.skeleton import NS_PER_S
from skeleton_action_ros.demo.robot import Robot
from skeleton_action_ros.demo.stage import NAMES, TEACHER, Play
from skeleton_action_ros.evaluation.page import Bar, Figure, PageData
from skeleton_action_ros.evaluation.summary import Outcomes, Summary

_LEARNED_SHOWN_NS = 2 * NS_PER_S
_LESSON_DRAWN_NS = NS_PER_S


def demo_page(
    seed: int, play: Play, robot: Robot, outcomes: Outcomes, summary: Summary
) -> PageData:
    """Return the page: A's lessons, then what B, C and D showed and what was recognised."""
    taught, others = play.programme.taught, play.programme.others
    lessons = [
        Bar(
            TEACHER,
            f'learned {lesson.label}',
            lesson.stamp_ns,
            lesson.stamp_ns + _LESSON_DRAWN_NS,
            'taught',
            open_ns=(lesson.stamp_ns, lesson.stamp_ns + _LEARNED_SHOWN_NS),
            note=f'{lesson.motion_s:.1f} s of motion',
        )
        for lesson in robot.lessons
    ]
    shown_by_teacher = [
        Bar(TEACHER, span.label, span.start_ns, span.end_ns, 'taught')
        for span in robot.spans
        if span.body_id == TEACHER
    ]
    events = [
        Bar(
            heard.span.body_id,
            heard.span.label,
            heard.span.start_ns,
            heard.span.end_ns,
            outcomes.worth_of(heard.span),
            open_ns=(heard.started_ns, heard.ended_ns),
            note=f'confidence {heard.confidence:.2f}, {heard.latency_s * 1e3:.1f} ms',
        )
        for heard in robot.heard
        if heard.span.body_id != TEACHER
    ]
    return PageData(
        title='Taught once, recognised in others',
        subtitle=(
            f'Seed {seed}. Simulated person A showed {len(taught)} actions once each; B, C and D '
            f'performed them, shuffled among {len(others)} that nobody taught.'
        ),
        figures=_figures(summary),
        people=dict(NAMES),
        scenes=robot.scenes,
        shown=[*shown_by_teacher, *outcomes.shown_bars()],
        events=[*lessons, *events],
        confusion=outcomes.confusion(),
        actions=outcomes.table(),
        latencies_ms=robot.latencies_ms,
        notes=_notes(play),
    )


def describe(person: Person) -> str:
    """Say how a person differs from others."""
    turned = abs(person.heading_deg)
    side = 'left' if person.heading_deg > 0 else 'right'
    return (
        f'{person.height_m:.2f} m tall, turned {turned:.0f}° to the {side}, '
        f'{person.speed:.2f} times the usual speed'
    )


def _figures(summary: Summary) -> list[Figure]:
    latency = summary.latency_ms
    return [
        Figure(
            'Recognised',
            f'{summary.recognised} of {summary.shown}',
            'taught actions performed by persons who did not teach them',
        ),
        Figure('Missed', str(summary.missed), 'taught actions without an event'),
        Figure('Wrong', str(summary.wrong), 'taught actions taken for another'),
        Figure(
            'False events',
            str(summary.false_events),
            f'{summary.false_on_never_taught} of them during the {summary.never_taught} '
            'performed actions that nobody taught',
        ),
        Figure(
            'Latency p50', f'{latency.p50:.1f} ms', 'sensor stamp of the deciding frame to event'
        ),
        Figure('Latency p99', f'{latency.p99:.1f} ms', 'the same, 99th percentile'),
    ]


def _notes(play: Play) -> list[str]:
    people = [f'{NAMES[body_id]}: {describe(person)}.' for body_id, person in play.people.items()]
    return [
        'Four ROS 2 nodes (skeleton_source, window_buffer, action_recognizer, action_enroller) ran '
        'in real time and talked over DDS. Each action of A was enrolled through /enroll_action, '
        'from the last motion seen. The page is made of what a fifth node received.',
        *people,
        'What the robot recognised of A, who was still showing the actions, is not counted.',
        'An event answers an action of the same person when they share at least a tenth of the '
        'shorter of the two; an action is recognised when an event of its label answers it.',
    ]
