"""Node `window_buffer`: skeletons in, each person's sliding windows out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from skeleton_action_msgs.msg import SkeletonArray, SkeletonWindow
from skeleton_action_ros.adapters.msg_conversions import window_to_msg
from skeleton_action_ros.core.errors import BadSkeletonError
from skeleton_action_ros.core.identity import IdentityTracker
from skeleton_action_ros.core.skeleton import NS_PER_S
from skeleton_action_ros.core.streams import Timeline
from skeleton_action_ros.core.windows import WindowBuffer
from skeleton_action_ros.nodes import qos
from skeleton_action_ros.nodes.base import ActionNode
from skeleton_action_ros.nodes.configuration import WindowBufferParameters
from skeleton_action_ros.nodes.messages import TYPES
from skeleton_action_ros.nodes.running import run
from skeleton_action_ros.nodes.scenes import take_scene


class WindowBufferNode(ActionNode):
    """Subscribes `skeletons`, publishes `skeleton_windows`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('window_buffer', WindowBufferParameters, **kwargs)

    def setup(self) -> None:
        parameters: WindowBufferParameters = self.parameters()
        self._identities = IdentityTracker(parameters.identity)
        self._windows = WindowBuffer(parameters.windows)
        self._timeline = Timeline()
        self._publisher = self.announce(SkeletonWindow, 'skeleton_windows', qos.WINDOWS)

    def start(self) -> None:
        self.health.awaited = 'skeletons'
        self.listen(SkeletonArray, 'skeletons', self._on_skeletons, qos.SENSOR)

    def stop(self) -> None:
        self.health.awaited = ''
        self.forget()

    def forget(self) -> None:
        self._identities.clear()
        self._windows.clear()
        self._timeline.clear()

    def describe(self) -> None:
        self.health.facts['people'] = str(self._windows.people)
        self.health.counts['gaps'] = self._windows.gaps
        for name, count in self._identities.counts.items():
            self.health.counts[f'identity.{name}'] = count

    def _on_skeletons(self, message: SkeletonArray) -> None:
        scene = take_scene(self, message, self._timeline)
        if scene is None:
            return
        for frame in self._identities.push(scene).skeletons:
            try:
                window = self._windows.push(frame)
            except BadSkeletonError as error:
                self.refuse(error)
                continue
            if window is not None:
                self._publisher.publish(window_to_msg(window, message.header.frame_id, TYPES))
                self.health.beat('windows')
        self.health.took('arrival', (self.now_ns() - scene.stamp_ns) / NS_PER_S)


def main(args: Sequence[str] | None = None) -> int:
    """Run the node; ROS arguments as usual."""
    return run(lambda: [WindowBufferNode()], args)


if __name__ == '__main__':
    sys.exit(main())
