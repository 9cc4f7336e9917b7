from __future__ import annotations

import pytest

from skeleton_action_ros.core.enrollment import EnrollmentError
from skeleton_action_ros.core.errors import (
    BadSkeletonError,
    OutOfOrderError,
    SkeletonActionError,
    UnknownLayoutError,
    reason_of,
)


@pytest.mark.parametrize(
    ('error', 'reason'),
    [
        (BadSkeletonError('joint_count', 'x'), 'joint_count'),
        (OutOfOrderError('x'), 'out_of_order'),
        (EnrollmentError('nobody', 'x'), 'nobody'),
        (UnknownLayoutError('x'), 'unknown_layout'),
    ],
)
def test_every_error_has_a_key_to_count_it_by(error: SkeletonActionError, reason: str) -> None:
    assert reason_of(error) == reason
