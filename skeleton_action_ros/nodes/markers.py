"""Skeletons and labels for RViz."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point, Vector3
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from skeleton_action_ros.core.layouts import Common15, get_layout, to_common_15
from skeleton_action_ros.core.recognition import Recognition
from skeleton_action_ros.core.windows import Window
from skeleton_action_ros.nodes.messages import time_of

_LIFETIME = Duration(sec=0, nanosec=500_000_000)
_BONE_M = 0.03
_TEXT_M = 0.15
_ABOVE_HEAD_M = 0.3
_HUE_STEP = 0.382
_GREEN = 1 / 3


def markers_of(
    windows: Sequence[Window], recognitions: Sequence[Recognition], frame_id: str
) -> MarkerArray:
    """
    Draw the last frame of each window: its seen bones, and the label above the head.

    A bone goes from red to green with the confidence of the joint at either end; the label has the
    person's colour.
    """
    by_body = {recognition.body_id: recognition for recognition in recognitions}
    markers = []
    for window in windows:
        header = Header(stamp=time_of(int(window.clip.stamps_ns[-1])), frame_id=frame_id)
        red, green, blue = colorsys.hsv_to_rgb(window.body_id * _HUE_STEP % 1.0, 0.7, 1.0)
        color = ColorRGBA(r=red, g=green, b=blue, a=1.0)
        markers.append(_bones(window, header))
        if window.body_id in by_body:
            markers.append(_label(window, by_body[window.body_id], header, color))
    return MarkerArray(markers=markers)


def _bones(window: Window, header: Header) -> Marker:
    ends = _bone_ends(window)
    joints = [Point(x=float(x), y=float(y), z=float(z)) for x, y, z in window.clip.joints_m[-1]]
    marker = Marker(
        header=header,
        ns='bones',
        id=window.body_id & 0x7FFFFFFF,
        type=Marker.LINE_LIST,
        action=Marker.ADD,
        scale=Vector3(x=_BONE_M, y=0.0, z=0.0),
        color=_color(1.0),
        lifetime=_LIFETIME,
        points=[joints[joint] for joint in ends],
        colors=[_color(float(window.clip.confidence[-1, joint])) for joint in ends],
    )
    marker.pose.orientation.w = 1.0
    return marker


def _bone_ends(window: Window) -> list[int]:
    """Return both joints of each bone whose joints are seen."""
    seen = window.clip.confidence[-1] > 0.0
    bones = get_layout(window.clip.layout).bones
    return [joint for bone in bones if seen[list(bone)].all() for joint in bone]


def _color(confidence: float) -> ColorRGBA:
    red, green, blue = colorsys.hsv_to_rgb(confidence * _GREEN, 0.9, 1.0)
    return ColorRGBA(r=red, g=green, b=blue, a=1.0)


def _label(window: Window, recognition: Recognition, header: Header, color: ColorRGBA) -> Marker:
    joints, seen = to_common_15(
        window.clip.joints_m[-1], window.clip.confidence[-1], window.clip.layout
    )
    shown = window.clip.joints_m[-1][window.clip.confidence[-1] > 0.0]
    if seen[Common15.HEAD] > 0.0:
        top = joints[Common15.HEAD]
    else:  # the joint that is highest in the image
        top = shown[shown[:, 1].argmin()] if len(shown) else window.clip.joints_m[-1, 0]
    marker = Marker(
        header=header,
        ns='labels',
        id=window.body_id & 0x7FFFFFFF,
        type=Marker.TEXT_VIEW_FACING,
        action=Marker.ADD,
        scale=Vector3(x=0.0, y=0.0, z=_TEXT_M),
        color=color,
        lifetime=_LIFETIME,
        text=f'{window.body_id}: {recognition.label} {recognition.confidence:.2f}',
    )
    marker.pose.position = Point(x=float(top[0]), y=float(top[1]) - _ABOVE_HEAD_M, z=float(top[2]))
    marker.pose.orientation.w = 1.0
    return marker
