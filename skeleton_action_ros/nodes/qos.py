"""Quality of service of every topic, in one place."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def _profile(
    depth: int,
    reliability: ReliabilityPolicy,
    durability: DurabilityPolicy = DurabilityPolicy.VOLATILE,
) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=reliability,
        durability=durability,
    )


SENSOR = _profile(5, ReliabilityPolicy.BEST_EFFORT)
"""`skeletons`: the newest frames matter, late ones do not."""

WINDOWS = _profile(64, ReliabilityPolicy.RELIABLE)
"""
`skeleton_windows`: one message a person, so that a scene of many comes through whole. Reliable: the
windows of six persons, 90 kB each, overflow Fast DDS's shared memory of 512 kB, and without it
between processes one in thirty is lost.
"""

EVENTS = _profile(10, ReliabilityPolicy.RELIABLE)
"""`actions`, `action_events`, `action_label`, `action_annotations`: nothing may be lost."""

MARKERS = _profile(1, ReliabilityPolicy.RELIABLE)
"""What RViz and the Azure Kinect driver use for markers."""

LATCHED = _profile(1, ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL)
"""`action_gallery`: whoever comes late receives the newest one."""

FRAMES = _profile(100, ReliabilityPolicy.RELIABLE)
"""`/tf`, as every publisher of it has it."""

STATIC_FRAMES = _profile(100, ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL)
"""`/tf_static`."""

IMAGES = _profile(1, ReliabilityPolicy.BEST_EFFORT)
"""Images of a camera: only the newest counts."""
