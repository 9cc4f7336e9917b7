"""Latency and throughput, measured on real nodes and simulated persons. No test depends on it."""

import skeleton_action_ros as _package  # noqa: F401 - before numpy, whose threads it limits
