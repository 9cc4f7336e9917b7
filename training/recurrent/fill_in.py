"""What the sensor lost, filled in by splines (section 3.1.1)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.interpolate import CubicSpline

from skeleton_action_ros.core.skeleton import NS_PER_S, Clip

_FEWEST_SEEN = 2
_SKIPPED = 1.5
"""Between two stamps that are farther apart than so many median intervals, frames are missing."""
_LONGEST_GAP_NS = 10 * NS_PER_S
"""Where nobody was seen for longer, no spline tells what was done."""
_SWING = 0.5
"""How far a spline may leave what is seen of a joint, as a share of that, on each axis."""


def filled(clip: Clip, min_confidence: float) -> Clip:
    """
    Lay a cubic spline through what a clip shows of each joint, and fill its gaps from that.

    A joint is lost in a frame that has it below `min_confidence`, and in the frames that the clip
    does not have, see `with_lost_frames`. Before a joint is first seen and after it is last seen
    there is no gap but an end, where a spline runs away: that stays lost, as does a joint that is
    seen only once. Across a gap that is long for what surrounds it a spline swings out: on no axis
    farther than by half the way that the joint is seen to cover there.

    :return: the clip with confidence 1 in the gaps; the clip itself where nothing is lost.
    """
    whole = with_lost_frames(clip)
    seen = (whole.confidence >= min_confidence) & (whole.confidence > 0.0)
    if bool(seen.all()):
        return clip
    joints, confidence = whole.joints_m.copy(), whole.confidence.copy()
    times_s = (whole.stamps_ns - whole.stamps_ns[0]) / NS_PER_S
    for joint in range(seen.shape[1]):
        shown = np.flatnonzero(seen[:, joint])
        if len(shown) < _FEWEST_SEEN:
            continue
        within = np.arange(shown[0], shown[-1] + 1)
        gaps = within[~seen[within, joint]]
        if len(gaps):
            path = whole.joints_m[shown, joint].astype(np.float64)
            lowest, highest = path.min(axis=0), path.max(axis=0)
            room = _SWING * (highest - lowest)
            bridge = CubicSpline(times_s[shown], path)(times_s[gaps])
            joints[gaps, joint] = np.clip(bridge, lowest - room, highest + room)
            confidence[gaps, joint] = 1.0
    return replace(whole, joints_m=joints, confidence=confidence)


def with_lost_frames(clip: Clip) -> Clip:
    """
    Put back the frames in which the sensor lost the whole body, which a clip leaves out.

    They are missing where stamps skip, by more than one and a half times the clip's median
    interval; so many are put there, evenly, as bring the interval nearest to the median. Skips of
    more than ten seconds are left as they are.

    :return: the clip with these frames, all joints 0 with confidence 0; itself without any.
    """
    intervals_ns = np.diff(clip.stamps_ns)
    usual_ns = float(np.median(intervals_ns)) if len(intervals_ns) else 0.0
    lost = (intervals_ns > _SKIPPED * usual_ns) & (intervals_ns <= _LONGEST_GAP_NS)
    skips = np.flatnonzero(lost)
    if not len(skips):
        return clip
    at: list[int] = []
    lost_ns: list[int] = []
    for skip in skips.tolist():
        interval_ns = int(intervals_ns[skip])
        parts = round(interval_ns / usual_ns)
        first_ns = int(clip.stamps_ns[skip])
        lost_ns += [first_ns + interval_ns * part // parts for part in range(1, parts)]
        at += [skip + 1] * (parts - 1)
    return replace(
        clip,
        joints_m=np.insert(clip.joints_m, at, 0.0, axis=0),
        confidence=np.insert(clip.confidence, at, 0.0, axis=0),
        stamps_ns=np.insert(clip.stamps_ns, at, lost_ns),
    )
