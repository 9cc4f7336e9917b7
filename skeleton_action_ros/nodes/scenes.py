"""How a node that hears `skeletons` takes them."""

from __future__ import annotations

from skeleton_action_msgs.msg import SkeletonArray
from skeleton_action_ros.adapters.msg_conversions import scene_from_msg
from skeleton_action_ros.core.skeleton import Scene
from skeleton_action_ros.core.streams import Step, Timeline
from skeleton_action_ros.nodes.base import ActionNode


def take_scene(node: ActionNode, message: SkeletonArray, timeline: Timeline) -> Scene | None:
    """
    Count a message and what is refused in it, and have the node forget where time jumps back.

    :return: everybody who can be used, perhaps nobody; None where the stamp cannot be used, or is
        so far ahead that the next one must confirm it.
    """
    scene, errors = scene_from_msg(message)
    node.health.beat('skeletons')
    for error in errors:
        node.refuse(error)
    if scene.stamp_ns <= 0:
        return None
    strays = timeline.strays
    step = timeline.take(scene.stamp_ns, bool(scene.skeletons))
    if timeline.strays > strays:
        node.refuse_as('stray_stamp', 'a single stamp was far ahead of those around it')
    if step is Step.STRAY:
        return None
    if step is Step.BACK:
        node.jumped_back(f'the stamps of skeletons jumped back to {scene.stamp_ns} ns')
    return scene
