"""What a source could not use: how often for each reason, and what it was that came last."""

from __future__ import annotations

from collections import Counter

from skeleton_action_ros.core.errors import SkeletonActionError, reason_of


class Refusals:
    """
    Counts errors by their reason, and keeps the last message of each.

    One thread adds; others may copy what they read meanwhile.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.why: dict[str, str] = {}

    def add(self, error: SkeletonActionError, reason: str = '') -> None:
        """Count what could not be used, by the error's own reason where none is given."""
        reason = reason or reason_of(error)
        self.why[reason] = str(error)
        self.counts[reason] += 1


def refused_by(source: object) -> tuple[Counter[str], dict[str, str]]:
    """
    Return what a source has refused so far: how often for each reason, and the last messages.

    These are copies of its `refused` and `why_refused`; a source that has none refuses nothing.
    """
    return Counter(getattr(source, 'refused', {})), dict(getattr(source, 'why_refused', {}))
