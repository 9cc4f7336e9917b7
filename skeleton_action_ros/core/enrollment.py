"""From what the sensor shows to one demonstration: whose, from when to when, and fit to teach."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import IntEnum

from skeleton_action_ros.core.config import setting
from skeleton_action_ros.core.demonstration import (
    Demonstration,
    DemonstrationConfig,
    find_demonstrations,
)
from skeleton_action_ros.core.errors import BadClipError, GalleryError, SkeletonActionError
from skeleton_action_ros.core.gallery import Gallery, Template, checked_label, template_id
from skeleton_action_ros.core.identity import IdentityConfig, IdentityTracker
from skeleton_action_ros.core.motion import MotionConfig, motion_energy
from skeleton_action_ros.core.people import RecentPeople, Visit
from skeleton_action_ros.core.preprocess import PreprocessConfig, prepare
from skeleton_action_ros.core.skeleton import NS_PER_S, Clip, Scene

ANYBODY = -1
"""The body id that stands for the only or nearest person."""

_RESTING_NS = NS_PER_S // 6


class EnrollmentError(SkeletonActionError):
    """
    Nothing can be taught from this; `reason` is a short key, the message says what to do.

    The reasons: 'label', 'gallery_full', 'capture', 'duration' (the request is unfit), 'nobody',
    'several_people', 'unknown_body', 'person_left' (whose motion), 'no_motion', 'still_moving',
    'too_little_movement', 'too_short', 'too_long', 'poorly_seen' (what was shown).
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Capture(IntEnum):
    """Which stretch of time is the demonstration; the numbers are those of the service."""

    LAST_MOTION = 0
    PAST = 1
    NEXT = 2


@dataclass(frozen=True)
class EnrollmentConfig:
    """What may be taught, and how far back it may lie."""

    recent_s: float = setting(
        10.0,
        'LAST_MOTION takes a motion that ended this long ago at most',
        unit='s',
        low=1.0,
        high=60.0,
    )
    default_duration_s: float = setting(
        3.0, 'PAST and NEXT where the request says 0', unit='s', low=0.3, high=60.0
    )
    shortest_s: float = setting(0.3, 'no demonstration is shorter', unit='s', low=0.1, high=5.0)
    longest_s: float = setting(10.0, 'no demonstration is longer', unit='s', low=1.0, high=60.0)
    margin_s: float = setting(
        0.25,
        'kept before and after the motion when a demonstration is trimmed',
        unit='s',
        low=0.0,
        high=1.0,
    )
    gone_after_s: float = setting(
        1.0, 'a person unseen for longer has left', unit='s', low=0.1, high=10.0
    )
    nearest_margin_m: float = setting(
        0.5, 'the nearest person is clearly nearest by this much', unit='m', low=0.0, high=10.0
    )
    least_seen: float = setting(
        0.5, 'share of the joints that must be seen, on average', low=0.0, high=1.0
    )
    max_people: int = setting(32, 'persons followed at once', low=1, high=1000)
    demonstration: DemonstrationConfig = field(default_factory=DemonstrationConfig)
    motion: MotionConfig = field(default_factory=MotionConfig)

    @property
    def history_s(self) -> float:
        """How much of each person is kept: the longest motion that ended `recent_s` ago."""
        return self.recent_s + self.longest_s + 2.0 * self.margin_s + 1.0


@dataclass(frozen=True)
class CaptureRequest:
    """
    What somebody asks to be taught.

    :param capture: a value of `Capture`.
    :param duration_s: for PAST and NEXT; 0: the default.
    :param body_id: whose motion, by the id that the tracker gives now, or else by the number that
        events carry; `ANYBODY`: the only or nearest person's.
    :param replace: whether it takes the place of the label's other demonstrations.
    """

    label: str
    capture: int = Capture.LAST_MOTION
    duration_s: float = 0.0
    body_id: int = ANYBODY
    replace: bool = False


@dataclass(frozen=True)
class Captured:
    """
    One demonstration, fit to teach.

    :param label: as the gallery stores it.
    :param clip: the raw frames, trimmed to the motion with a small margin.
    """

    label: str
    clip: Clip
    body_id: int
    capture: Capture

    def to_template(self, taught_ns: int, threshold: float = 0.0, source: str = '') -> Template:
        """
        Make the template to add to a gallery.

        :param source: names the sensor; person and capture mode are added.
        """
        words = [source] if source else []
        words += [f'body {self.body_id}', self.capture.name.lower().replace('_', ' ')]
        return Template(
            id=template_id(self.label, self.clip, taught_ns),
            label=self.label,
            clip=self.clip,
            threshold=threshold,
            taught_ns=taught_ns,
            source=', '.join(words),
        )


@dataclass(frozen=True)
class PendingCapture:
    """A demonstration that is being shown: ask `Enroller.poll` until it is over."""

    label: str
    body_id: int
    start_ns: int
    end_ns: int
    visit: int


class Enroller:
    """
    Remembers what everybody in view did last, and cuts demonstrations from it.

    What a person did stays with the person where the tracker's ids do not; whoever asks for a body,
    and is told of one, means the id that the tracker gives it now.
    """

    def __init__(self, config: EnrollmentConfig, identity: IdentityConfig | None = None) -> None:
        self._config = config
        self._identities = IdentityTracker(identity or IdentityConfig())
        self._shown_as: dict[int, int] = {}
        self._people = RecentPeople(config.history_s, config.gone_after_s, config.max_people)

    @property
    def people(self) -> int:
        """Number of persons remembered."""
        return len(self._people)

    @property
    def counts(self) -> Counter[str]:
        """Frames not remembered, by reason: 'out_of_order', 'too_many_people'."""
        return self._people.counts

    @property
    def identity_counts(self) -> Counter[str]:
        """What became of ids that could not be believed: the `counts` of an `IdentityTracker`."""
        return self._identities.counts

    def push(self, scene: Scene) -> None:
        """
        Remember a scene. Persons unseen for longer than `gone_after_s` are forgotten.

        A frame not later than its person's last, or of one person more than `max_people`, is left
        out and counted.
        """
        steady = self._identities.push(scene)
        for shown, frame in zip(scene.skeletons, steady.skeletons, strict=True):
            self._shown_as.pop(frame.body_id, None)
            self._shown_as[frame.body_id] = shown.body_id
        while len(self._shown_as) > 2 * self._config.max_people:
            del self._shown_as[next(iter(self._shown_as))]
        self._people.push(steady)

    def clear(self) -> None:
        """Forget everybody, and let what is being shown fail: time has jumped back."""
        self._identities.clear()
        self._shown_as.clear()
        self._people.clear()

    def capture(
        self, request: CaptureRequest, gallery: Gallery, now_ns: int
    ) -> Captured | PendingCapture:
        """
        Find the demonstration that is asked for, or for NEXT begin to wait for it.

        :param gallery: where it is to go; only asked whether it has room.
        :param now_ns: the present in the clock of the stamps; tells who is still in view.
        :raises EnrollmentError: it says why there is none.
        """
        label = _room_for(request, gallery)
        kind, duration_ns = self._checked_request(request)
        visit = self._person(request.body_id, now_ns)
        body_id, last_ns = self._id_of(visit), visit.last_ns
        if kind is Capture.NEXT:
            return PendingCapture(label, body_id, last_ns, last_ns + duration_ns, visit.number)
        if kind is Capture.PAST:
            clip = self._trimmed(visit.clip(last_ns - duration_ns), body_id)
        else:
            motion = self._last_motion(visit, body_id)
            clip = self._cut(visit.clip(), motion.start_ns, motion.end_ns)
        return self._captured(label, clip, body_id, kind)

    def poll(self, pending: PendingCapture, now_ns: int) -> Captured | None:
        """
        Return the demonstration when it has been shown, None before that.

        :raises EnrollmentError: the person left, or what was shown is not fit; ask no more.
        """
        visit = self._people.visit(pending.visit)
        if visit is not None and visit.last_ns >= pending.end_ns:
            clip = self._trimmed(visit.clip(pending.start_ns, pending.end_ns), pending.body_id)
            return self._captured(pending.label, clip, pending.body_id, Capture.NEXT)
        if visit is None or self._people.has_left(visit, now_ns):
            raise EnrollmentError(
                'person_left',
                f'body {pending.body_id} left before the demonstration of {pending.label!r} was '
                'over',
            )
        return None

    def _checked_request(self, request: CaptureRequest) -> tuple[Capture, int]:
        """Return the capture mode and the duration in nanoseconds."""
        config = self._config
        try:
            capture = Capture(request.capture)
        except ValueError:
            known = ', '.join(f'{mode.value} ({mode.name})' for mode in Capture)
            raise EnrollmentError(
                'capture', f'capture must be one of {known}, got {request.capture!r}'
            ) from None
        duration_s = request.duration_s or config.default_duration_s
        in_range = config.shortest_s <= duration_s <= config.longest_s
        if capture is not Capture.LAST_MOTION and not in_range:
            raise EnrollmentError(
                'duration',
                f'duration must be from {config.shortest_s:g} to {config.longest_s:g} s, or 0 for '
                f'{config.default_duration_s:g} s, got {request.duration_s!r}',
            )
        return capture, _ns(duration_s) if in_range else 0

    def _person(self, wanted: int, now_ns: int) -> Visit:
        """Return whose motion is meant."""
        here = self._in_view(now_ns)
        if not here:
            raise EnrollmentError('nobody', f'nobody is in view{self._last_sight(now_ns)}')
        listed = ', '.join(f'{self._id_of(visit)} at {visit.distance_m:.1f} m' for visit in here)
        if wanted != ANYBODY:
            meant = [visit for visit in here if self._id_of(visit) == wanted]
            meant = meant or [visit for visit in here if visit.body_id == wanted]
            if meant:
                return meant[0]
            raise EnrollmentError(
                'unknown_body', f'body {wanted} is not in view; in view are: {listed}'
            )
        margin_m = self._config.nearest_margin_m
        if len(here) > 1 and here[1].distance_m - here[0].distance_m < margin_m:
            raise EnrollmentError(
                'several_people',
                f'several persons are in view and none is nearest by {margin_m:g} m: name one by '
                f'body_id: {listed}',
            )
        return here[0]

    def _in_view(self, now_ns: int) -> list[Visit]:
        """Return who is in view, the nearest first; an id is the one's who had it last."""
        here = self._people.in_view(now_ns)
        latest: dict[int, Visit] = {}
        for visit in sorted(here, key=lambda visit: visit.last_ns):
            latest[self._id_of(visit)] = visit
        return [visit for visit in here if latest[self._id_of(visit)] is visit]

    def _id_of(self, visit: Visit) -> int:
        """Return the tracker's id of a person."""
        return self._shown_as.get(visit.body_id, visit.body_id)

    def _last_sight(self, now_ns: int) -> str:
        last_ns = self._people.last_ns()
        if last_ns is None:
            return ''
        return (
            f': the last skeleton is {(now_ns - last_ns) / NS_PER_S:.1f} s old (has the sensor '
            'stopped, or another clock?)'
        )

    def _last_motion(self, visit: Visit, body_id: int) -> Demonstration:
        """
        Return the last finished motion.

        While the person moves again that is the one before; in the first moments of rest, when
        nobody can tell yet whether the newest motion is over, it is none rather than a wrong one.
        """
        shown = self._demonstrations(visit.clip())
        since_ns = visit.last_ns - _ns(self._config.recent_s)
        finished = [one for one in shown if one.finished and one.end_ns >= since_ns]
        resting = bool(shown) and visit.last_ns - shown[-1].end_ns > _RESTING_NS
        if finished and (finished[-1] is shown[-1] or not resting):
            return finished[-1]
        if shown and not shown[-1].finished:
            raise EnrollmentError(
                'still_moving',
                f'body {body_id} is still moving, or has stopped just now: let it stand still for '
                f'{self._config.motion.quiet_s:g} s after the action, then ask again',
            )
        recent = visit.clip(since_ns)
        raise EnrollmentError(
            'no_motion',
            f'no finished motion of body {body_id} in the last {recent.duration_s:.1f} s'
            f'{self._peak(recent)}',
        )

    def _trimmed(self, clip: Clip, body_id: int) -> Clip:
        """Cut what is before the first motion and after the last one."""
        if clip.duration_s < self._config.shortest_s:
            raise self._too_short(clip, body_id)
        shown = self._demonstrations(clip)
        if not shown:
            raise EnrollmentError(
                'too_little_movement',
                f'body {body_id} moved too little in {clip.duration_s:.1f} s{self._peak(clip)}',
            )
        return self._cut(clip, shown[0].start_ns, shown[-1].end_ns)

    def _demonstrations(self, clip: Clip) -> list[Demonstration]:
        return find_demonstrations(clip, self._config.demonstration, self._config.motion)

    def _cut(self, clip: Clip, start_ns: int, end_ns: int) -> Clip:
        margin_ns = _ns(self._config.margin_s)
        return clip.between(start_ns - margin_ns, end_ns + margin_ns)

    def _captured(self, label: str, clip: Clip, body_id: int, capture: Capture) -> Captured:
        """Return the demonstration if it can be taught."""
        config = self._config
        if clip.duration_s < config.shortest_s:
            raise self._too_short(clip, body_id)
        if clip.duration_s > config.longest_s + 2.0 * config.margin_s:
            raise EnrollmentError(
                'too_long',
                f'the motion of body {body_id} lasts {clip.duration_s:.1f} s, more than '
                f'{config.longest_s:g} s: pause before and after the action',
            )
        seen = float((clip.confidence > 0.0).mean())
        if seen < config.least_seen:
            raise EnrollmentError(
                'poorly_seen',
                f'only {seen:.0%} of the joints of body {body_id} were seen, at least '
                f'{config.least_seen:.0%} must be',
            )
        try:
            prepare(clip, PreprocessConfig())
        except BadClipError as error:
            raise EnrollmentError('poorly_seen', f'body {body_id}: {error}') from error
        return Captured(label, replace(clip, label=label), body_id, capture)

    def _too_short(self, clip: Clip, body_id: int) -> EnrollmentError:
        return EnrollmentError(
            'too_short',
            f'body {body_id} was seen for {clip.duration_s:.2f} s, a demonstration takes at least '
            f'{self._config.shortest_s:g} s',
        )

    def _peak(self, clip: Clip) -> str:
        motion, least = self._config.motion, self._config.demonstration.least_travel
        return (
            f': the peak was {float(motion_energy(clip).max()):.2f} trunk lengths/s; an action '
            f'needs {motion.start_energy:g} for {motion.shortest_s:g} s, and {least:g} trunk '
            'lengths of way'
        )


def _room_for(request: CaptureRequest, gallery: Gallery) -> str:
    """Return the label as the gallery stores it."""
    try:
        label = checked_label(request.label, gallery.config.max_label_length)
    except GalleryError as error:
        raise EnrollmentError('label', str(error)) from error
    try:
        return gallery.check_room(label, request.replace)
    except GalleryError as error:
        raise EnrollmentError('gallery_full', str(error)) from error


def _ns(seconds: float) -> int:
    return round(seconds * NS_PER_S)
