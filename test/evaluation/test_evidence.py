from __future__ import annotations

import numpy as np
import pytest
from people import SECOND

from skeleton_action_ros.core.matching import Hypothesis
from skeleton_action_ros.core.recognition import Recognition
from skeleton_action_ros.core.skeleton import ActionSpan
from skeleton_action_ros.evaluation.evidence import (
    NOTHING,
    Evidence,
    accepted_shares,
    evidence_of,
    excess,
    excess_during,
    excess_outside,
)


def span(start_s: float, end_s: float, body_id: int = 1) -> ActionSpan:
    return ActionSpan('wave', round(start_s * SECOND), round(end_s * SECOND), body_id)


def at(second: float, value: float, body_id: int = 1, length_s: float = 0.2) -> Evidence:
    """Return what a window says of a motion that ends with it."""
    end_ns = round(second * SECOND)
    return Evidence(body_id, end_ns, 'wave', value, end_ns - round(length_s * SECOND), end_ns)


WINDOWS = [at(1, -0.4), at(2, 0.1), at(3, 0.5), at(4, -0.2), at(3, 0.9, body_id=2)]


def test_excess_is_the_share_of_what_was_possible_above_the_threshold() -> None:
    assert excess(Hypothesis('wave', 0.9, 0.8)) == pytest.approx(0.5)
    assert excess(Hypothesis('wave', 0.8, 0.8)) == 0.0
    assert excess(Hypothesis('wave', 0.7, 0.8)) == pytest.approx(-0.5)
    assert excess(Hypothesis('wave', -0.9, 0.8)) == NOTHING


def test_evidence_is_for_the_action_farthest_above_its_own_threshold() -> None:
    hypotheses = (Hypothesis('wave', 0.9, 0.9, 1, 6), Hypothesis('kick', 0.8, 0.6, 2, 5))
    found = evidence_of(Recognition(4, 7, 'kick', 0.5, hypotheses))
    assert found == Evidence(4, 7, 'kick', pytest.approx(0.5), 2, 5)
    assert evidence_of(Recognition(4, 7, 'idle', 1.0, ())) == Evidence(4, 7, '', NOTHING, 7, 7)


def test_excess_of_an_action_is_the_largest_of_its_persons_motions_within() -> None:
    spans = [span(1, 2), span(2.5, 3.5), span(2, 3, body_id=2), span(8, 9), span(1, 2, body_id=3)]
    assert excess_during(spans, WINDOWS) == [0.1, 0.5, 0.9, NOTHING, NOTHING]


def test_motion_speaks_for_the_action_that_holds_half_of_it() -> None:
    """The window at 3 s is in the second action; what it compared is from the first, but 0.5 s."""
    first, second = span(1, 2.5), span(2.5, 4)
    assert excess_during([first, second], [at(3, 0.4, length_s=2.0)]) == [0.4, NOTHING]
    assert excess_during([first, second], [at(3, 0.4, length_s=1.0)]) == [0.4, 0.4]
    assert excess_during([first, second], [at(3, 0.4, length_s=0.8)]) == [NOTHING, 0.4]


def test_excess_outside_is_of_windows_in_which_their_person_does_nothing() -> None:
    assert excess_outside([span(1.5, 3.5)], WINDOWS) == [-0.4, -0.2, 0.9]
    assert excess_outside([span(1.5, 3.5)], [at(3.6, 0.3), at(4, 0.2)]) == [0.2]


def test_accepted_share_by_hand() -> None:
    shares = accepted_shares([0.1, 0.2, 0.2, 0.7], np.array([0.0, 0.2, 0.5, 0.7, 0.8]))
    assert shares.tolist() == [1.0, 0.75, 0.25, 0.25, 0.0]
    assert accepted_shares([], np.array([0.0])).tolist() == [0.0]
