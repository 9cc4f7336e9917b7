"""Who teaches what, and who is asked: draws in which no person is on both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.errors import ExamError


@dataclass(frozen=True)
class Plan:
    """
    What can be drawn from some clips.

    :param label_of: (N,) of each clip.
    :param subject_of: (N,) of each clip.
    :param teachers: who may teach, and the actions of each, sorted.
    :param shots: clips that teach an action.
    :param notes: sentences on what is left out, and why.
    """

    label_of: NDArray[np.str_]
    subject_of: NDArray[np.str_]
    teachers: Mapping[str, tuple[str, ...]]
    shots: int
    notes: tuple[str, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """All actions that some teacher teaches, sorted."""
        return tuple(sorted(set().union(*self.teachers.values())))


@dataclass(frozen=True)
class Draw:
    """
    One way to teach and to ask.

    :param references: (R,) places of the clips that teach, all of one person, `shots` an action.
    :param queries: (Q,) places of all other persons' clips of these actions.
    :param half: (R,) which references stay when only half of the actions, rounded down, is taught.
    """

    references: NDArray[np.intp]
    queries: NDArray[np.intp]
    half: NDArray[np.bool_]


def plan_exam(
    labels: Sequence[str],
    subjects: Sequence[str],
    *,
    shots: int = 1,
    reference_subject: str | None = None,
) -> Plan:
    """
    Find out who may teach what.

    An action that one person alone shows cannot be asked and is left out. The teacher is
    `reference_subject`, who teaches what they show at least `shots` times; without one it is drawn
    from those who can teach the most actions.

    :raises ExamError: fewer than two persons or actions, or nobody can teach two actions.
    """
    label_of, subject_of = np.array(labels, np.str_), np.array(subjects, np.str_)
    persons, classes = np.unique(subject_of).tolist(), np.unique(label_of).tolist()
    if len(persons) < 2 or len(classes) < 2:
        raise ExamError(
            'an exam needs clips of two persons and two actions at least, got '
            f'{_listed(persons, "person", "persons")} and {_listed(classes, "action", "actions")}'
        )
    counts = {
        (person, label): int(((subject_of == person) & (label_of == label)).sum())
        for person in persons
        for label in classes
    }
    shared = [label for label in classes if sum(counts[p, label] > 0 for p in persons) > 1]
    notes = [
        f'{label}: left out, one person alone shows it' for label in classes if label not in shared
    ]
    able = {
        person: tuple(label for label in shared if counts[person, label] >= shots)
        for person in persons
    }
    if reference_subject is not None:
        if reference_subject not in able:
            raise ExamError(
                f'there is no subject {reference_subject!r}: there are {", ".join(persons)}'
            )
        able = {reference_subject: able[reference_subject]}
    most = max(map(len, able.values()))
    if most < 2:
        who = 'nobody has' if reference_subject is None else f'{reference_subject} does not have'
        raise ExamError(
            f'{who} {shots} clip{"" if shots == 1 else "s"} each of two actions that somebody else '
            'shows too: there is nothing to tell apart'
        )
    teachers = {person: own for person, own in able.items() if len(own) == most}
    taught = set().union(*teachers.values())
    why = f'too few clips of {", ".join(teachers)} ({shots} wanted)'
    notes += [f'{label}: left out, {why}' for label in shared if label not in taught]
    if most < len(taught):
        notes.append(
            f'nobody shows all {len(taught)} actions: each draw has the {most} of one teacher'
        )
    return Plan(label_of, subject_of, teachers, shots, tuple(notes))


def make_draws(plan: Plan, count: int, rng: np.random.Generator) -> list[Draw]:
    """Draw a teacher, `shots` clips of each of their actions, and the half of these, each time."""
    names = sorted(plan.teachers)
    draws = []
    for _ in range(count):
        teacher = names[rng.integers(len(names))]
        classes = plan.teachers[teacher]
        own = plan.subject_of == teacher
        references = [
            rng.choice(np.flatnonzero(own & (plan.label_of == label)), plan.shots, replace=False)
            for label in classes
        ]
        half = np.zeros(len(classes), bool)
        half[rng.permutation(len(classes))[: len(classes) // 2]] = True
        draws.append(
            Draw(
                np.concatenate(references),
                np.flatnonzero(~own & np.isin(plan.label_of, classes)),
                np.repeat(half, plan.shots),
            )
        )
    return draws


def _listed(names: Sequence[str], one: str, several: str) -> str:
    shown = f' ({", ".join(names)})' if 0 < len(names) < 4 else ''
    return f'{len(names)} {one if len(names) == 1 else several}{shown}'
