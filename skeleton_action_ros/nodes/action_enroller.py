"""Node `action_enroller`: owns the gallery, and teaches it what persons show."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future

from skeleton_action_msgs.msg import ActionGallery, SkeletonArray
from skeleton_action_msgs.srv import EnrollAction, ListActions, RemoveAction, RenameAction
from skeleton_action_ros.adapters.gallery_store import GalleryStore
from skeleton_action_ros.adapters.msg_conversions import gallery_to_msg
from skeleton_action_ros.core.calibration import Calibration
from skeleton_action_ros.core.embedding import Model
from skeleton_action_ros.core.enrollment import (
    Captured,
    CaptureRequest,
    Enroller,
    EnrollmentError,
    PendingCapture,
)
from skeleton_action_ros.core.errors import SkeletonActionError
from skeleton_action_ros.core.gallery import Gallery, Template
from skeleton_action_ros.core.matching import Hypothesis, MatchingConfig, TemplateIndex
from skeleton_action_ros.core.streams import Timeline
from skeleton_action_ros.nodes import qos
from skeleton_action_ros.nodes.base import ActionNode
from skeleton_action_ros.nodes.configuration import (
    ActionEnrollerParameters,
    ModelParameters,
    default_gallery,
)
from skeleton_action_ros.nodes.messages import TYPES, summaries_of
from skeleton_action_ros.nodes.models import describe_model, load_model
from skeleton_action_ros.nodes.running import run
from skeleton_action_ros.nodes.scenes import take_scene

_POLL_PERIOD_S = 0.1
_WATCH_FILE_PERIOD_S = 1.0


@dataclass
class _Order:
    """One call of /enroll_action, and what its caller awaits."""

    request: CaptureRequest
    captured: Future
    pending: PendingCapture | None = None


class ActionEnrollerNode(ActionNode):
    """
    Subscribes `skeletons`; publishes `action_gallery`, latched; serves `enroll_action`,
    `list_actions`, `rename_action` and `remove_action`.

    Every change is on the disk and on `action_gallery` before its service answers, with what the
    model measures of all actions then. Changes that another process makes to the gallery file are
    published within a second or so.

    Without a usable model it still teaches; only the nearest action in the verdict stays empty, and
    recognisers measure for themselves.

    :param load: loads the model that the parameters name.
    """

    def __init__(
        self, load: Callable[[ModelParameters], Model] = load_model, **kwargs: Any
    ) -> None:
        super().__init__('action_enroller', ActionEnrollerParameters, **kwargs)
        self._load = load
        self._store: GalleryStore | None = None
        self._index: TemplateIndex | None = None
        self._gallery = Gallery()
        self._lacks = ''
        self._timeline = Timeline()
        self._orders: deque[_Order] = deque()
        self._frame_id = ''
        self._latest_ns = 0
        self._received_ns = 0

    def setup(self) -> None:
        parameters: ActionEnrollerParameters = self.parameters()
        self._enroller = Enroller(parameters.enrollment, parameters.identity)
        path = Path(parameters.gallery).expanduser() if parameters.gallery else default_gallery()
        self._store = GalleryStore(path, parameters.limits, measure=self._measured)
        for warning in self._store.warnings:
            self.get_logger().warning(warning)
        self.health.facts['gallery_file'] = str(path)
        self._index = self._make_index(parameters)
        self._publisher = self.announce(ActionGallery, 'action_gallery', qos.LATCHED)
        self._gallery = self._store.load()
        self._measure_anew()

    def start(self) -> None:
        self.health.awaited = 'skeletons'
        self._publish_gallery()
        self.listen(SkeletonArray, 'skeletons', self._on_skeletons, qos.SENSOR)
        self.every(_POLL_PERIOD_S, self._advance)
        self.every(_WATCH_FILE_PERIOD_S, self._follow_file)
        self.serve(EnrollAction, 'enroll_action', self._on_enroll, ReentrantCallbackGroup())
        self.serve(ListActions, 'list_actions', self._on_list)
        self.serve(RenameAction, 'rename_action', self._on_rename)
        self.serve(RemoveAction, 'remove_action', self._on_remove)

    def stop(self) -> None:
        self.health.awaited = ''
        self._abandon('the enroller was stopped')
        self.forget()

    def teardown(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    def forget(self) -> None:
        self._enroller.clear()
        self._timeline.clear()
        self._abandon('time has jumped back')

    def describe(self) -> None:
        rivals = self.count_services(self.resolve_service_name('enroll_action')) - 1
        self.health.shortcoming = self._lacks
        if rivals > 0:
            self.health.shortcoming = (
                f'{rivals + 1} nodes serve enroll_action: each of them teaches what is asked once'
            )
        self.health.facts['people'] = str(self._enroller.people)
        self.health.facts['actions'] = ', '.join(self._gallery.labels)
        self.health.facts['gallery_revision'] = str(self._gallery.revision)
        for name, count in self._enroller.counts.items():
            self.health.counts[f'not_remembered.{name}'] = count
        for name, count in self._enroller.identity_counts.items():
            self.health.counts[f'identity.{name}'] = count

    def _make_index(self, parameters: ActionEnrollerParameters) -> TemplateIndex | None:
        """Load the model for verdicts; teaching must work without it."""
        self._lacks = ''
        try:
            model = self._load(parameters)
        except SkeletonActionError as error:
            self._lacks = f'no model, so no nearest action in verdicts: {error}'
            self.get_logger().warning(self._lacks)
            return None
        self.get_logger().info(describe_model(model, self.health.facts))
        if model.kind != 'embedder':
            self.get_logger().info(f'a {model.kind} compares no templates: verdicts stay bare')
            return None
        motion = parameters.enrollment.motion
        return TemplateIndex(model, motion, MatchingConfig())

    def _on_skeletons(self, message: SkeletonArray) -> None:
        scene = take_scene(self, message, self._timeline)
        if scene is None:
            return
        self._latest_ns, self._received_ns = scene.stamp_ns, self.now_ns()
        self._frame_id = message.header.frame_id
        self._enroller.push(scene)
        if self._orders:
            self._advance()

    def _sensor_now_ns(self) -> int:
        """Return the present on the sensor's clock, which may be another than the node's."""
        return self._latest_ns + max(self.now_ns() - self._received_ns, 0)

    async def _on_enroll(
        self, request: EnrollAction.Request, response: EnrollAction.Response
    ) -> EnrollAction.Response:
        """Answer once the motion has been shown and stored, or cannot be."""
        order = _Order(
            CaptureRequest(
                request.label, request.capture, request.duration, request.body_id, request.replace
            ),
            Future(),
        )
        self._begin(order)
        captured = await order.captured
        if isinstance(captured, Exception):
            raise captured
        return self._teach(captured, request.replace, response)

    def _begin(self, order: _Order) -> None:
        found = self._enroller.capture(order.request, self._gallery, self._sensor_now_ns())
        if isinstance(found, Captured):
            order.captured.set_result(found)
        else:
            order.pending = found
            self._orders.append(order)

    def _advance(self) -> None:
        """See whether what callers wait for has been shown."""
        for order in list(self._orders):
            assert order.pending is not None
            found: Captured | Exception | None
            try:
                found = self._enroller.poll(order.pending, self._sensor_now_ns())
            except Exception as error:  # noqa: BLE001 - raised again where the caller awaits it
                found = error
            if found is not None:
                self._orders.remove(order)
                order.captured.set_result(found)

    def _abandon(self, why: str) -> None:
        while self._orders:
            order = self._orders.popleft()
            order.captured.set_result(
                EnrollmentError('abandoned', f'{order.request.label!r} was not taught: {why}')
            )

    def _teach(
        self, captured: Captured, replace: bool, response: EnrollAction.Response
    ) -> EnrollAction.Response:
        template = captured.to_template(self.now_ns(), source=self._frame_id)
        self._change(lambda store: store.add(template, replace))
        shots = len(self._gallery.shots(template.label))
        response.success = True
        response.template_id = template.id
        response.shots = shots
        response.duration = template.clip.duration_s
        response.message = (
            f'learned {template.label!r} from body {captured.body_id}: '
            f'{template.clip.duration_s:.1f} s, demonstration {shots}'
        )
        threshold = self._gallery.threshold(template.label)
        if threshold > 0.0:
            response.message += f'; it counts from a similarity of {threshold:.2f}'
        nearest = self._nearest(template)
        if nearest is not None:
            response.nearest_label = nearest.label
            response.nearest_similarity = nearest.similarity
            response.message += f'; most like {nearest.label!r} ({nearest.similarity:.2f})'
            if nearest.similarity >= nearest.threshold:
                response.message += ', which it may be confused with'
        self.get_logger().info(response.message)
        return response

    def _nearest(self, template: Template) -> Hypothesis | None:
        """Return the other action most like a template; None where there is none to be known."""
        try:
            return self._index.nearest(template.clip, template.label) if self._index else None
        except Exception as error:  # noqa: BLE001 - it is stored: whoever asked must hear that
            self.count_internal_error(error)
            return None

    def _on_list(
        self, _: ListActions.Request, response: ListActions.Response
    ) -> ListActions.Response:
        response.actions = summaries_of(self._gallery)
        return response

    def _on_rename(
        self, request: RenameAction.Request, response: RenameAction.Response
    ) -> RenameAction.Response:
        self._change(lambda store: store.rename(request.label, request.new_label))
        response.success = True
        response.shots = len(self._gallery.shots(request.new_label))
        response.message = f'{request.label!r} is now {request.new_label!r}'
        return response

    def _on_remove(
        self, request: RemoveAction.Request, response: RemoveAction.Response
    ) -> RemoveAction.Response:
        before = len(self._gallery)
        self._change(lambda store: store.remove(request.label, request.template_id))
        response.success = True
        response.removed = before - len(self._gallery)
        response.message = f'forgot {response.removed} demonstration(s) of {request.label!r}'
        return response

    def _change(self, change: Callable[[GalleryStore], Gallery]) -> None:
        """Change the gallery on the disk, then here, then for everybody who follows it."""
        assert self._store is not None
        self._gallery = change(self._store)
        self._publish_gallery()

    def _follow_file(self) -> None:
        """Take over what another process has changed in the file."""
        assert self._store is not None
        stored = self._store.load()
        if stored.revision != self._gallery.revision:
            self._gallery = stored
            self._measure_anew()
            self._publish_gallery()

    def _measured(self, gallery: Gallery) -> list[Calibration]:
        """Embed what is new in a gallery, and measure all actions; what fails hinders no change."""
        if self._index is None:
            return []
        try:
            for problem in self._index.set_gallery(gallery):
                self.get_logger().warning(problem)
            return self._index.calibrations()
        except Exception as error:  # noqa: BLE001 - a robot must be able to learn without a model
            self.count_internal_error(error)
            return []

    def _measure_anew(self) -> None:
        """Measure what is in the file, and store it where it is not there."""
        self.shielded(self._store_measured)()

    def _store_measured(self) -> None:
        assert self._store is not None
        measured = self._gallery.calibrated(self._measured(self._gallery))
        if self._index is not None and measured.calibrations != self._gallery.calibrations:
            stored = self._store.calibrate(measured)
            if stored.revision == measured.revision:
                self._gallery = stored

    def _publish_gallery(self) -> None:
        self._publisher.publish(gallery_to_msg(self._gallery, self.now_ns(), TYPES))


def main(args: Sequence[str] | None = None) -> int:
    """Run the node; ROS arguments as usual."""
    return run(lambda: [ActionEnrollerNode()], args)


if __name__ == '__main__':
    sys.exit(main())
