"""What the sensor lost, filled in by splines (section 3.1.1)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.interpolate import CubicSpline

from skeleton_action_ros.core.skeleton import NS_PER_S, Clip

_FEWEST_SEEN = 2


def filled(clip: Clip, min_confidence: float) -> Clip:
    """
    Lay a cubic spline through what a clip shows of each joint, and fill its gaps from that.

    A joint is lost in a frame that has it below `min_confidence`. Before a joint is first seen and
    after it is last seen there is no gap but an end, where a spline runs away: that stays lost, as
    does a joint that is seen only once.

    :return: the clip with confidence 1 in the gaps; the clip itself where there are none.
    """
    seen = clip.confidence >= min_confidence
    if bool(seen.all()):
        return clip
    joints, confidence = clip.joints_m.copy(), clip.confidence.copy()
    times_s = (clip.stamps_ns - clip.stamps_ns[0]) / NS_PER_S
    for joint in range(seen.shape[1]):
        shown = np.flatnonzero(seen[:, joint])
        if len(shown) < _FEWEST_SEEN:
            continue
        within = np.arange(shown[0], shown[-1] + 1)
        gaps = within[~seen[within, joint]]
        if len(gaps):
            spline = CubicSpline(times_s[shown], clip.joints_m[shown, joint].astype(np.float64))
            joints[gaps, joint] = spline(times_s[gaps]).astype(np.float32)
            confidence[gaps, joint] = 1.0
    return replace(clip, joints_m=joints, confidence=confidence)
