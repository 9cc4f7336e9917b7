"""`skeleton-action enroll LABEL`: teach the robot what somebody does in front of it."""

from __future__ import annotations

import argparse
import json
import sys

from skeleton_action_ros.cli.services import add_client_arguments, call, require_ros

_CAPTURES = {'last': 0, 'past': 1, 'next': 2}
_LONGEST_DEFAULT_S = 60.0
_LONGEST_S = 3600.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument('label', metavar='LABEL', help="the action's name")
    parser.add_argument(
        '--capture',
        choices=tuple(_CAPTURES),
        default='last',
        help='last: the last finished motion; past, next: that many seconds (last)',
    )
    parser.add_argument(
        '--duration', type=_seconds, default=0.0, help='seconds, for past and next (as configured)'
    )
    parser.add_argument(
        '--body-id', type=_body_id, default=-1, help='whose motion (the only or nearest person)'
    )
    parser.add_argument(
        '--replace', action='store_true', help='forget earlier demonstrations of the label'
    )
    add_client_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Enrol; 0 only where the demonstration is stored."""
    require_ros()
    from skeleton_action_msgs.srv import EnrollAction

    request = EnrollAction.Request(
        label=arguments.label,
        capture=_CAPTURES[arguments.capture],
        duration=arguments.duration,
        body_id=arguments.body_id,
        replace=arguments.replace,
    )
    if arguments.capture == 'next':
        print('show it now ...', file=sys.stderr)
    takes_s = arguments.duration or _LONGEST_DEFAULT_S
    answer = call(EnrollAction, 'enroll_action', request, arguments, takes_s)
    if arguments.json:
        print(
            json.dumps(
                {
                    'success': answer.success,
                    'message': answer.message,
                    'template_id': answer.template_id,
                    'shots': answer.shots,
                    'duration_s': round(answer.duration, 3),
                    'nearest_label': answer.nearest_label,
                    'nearest_similarity': round(answer.nearest_similarity, 4),
                }
            )
        )
    else:
        print(answer.message, file=sys.stdout if answer.success else sys.stderr)
    return 0 if answer.success else 1


def _seconds(text: str) -> float:
    """Return a duration that the request can carry; whether it fits is the enroller's to say."""
    value = float(text)
    if not 0.0 <= value <= _LONGEST_S:
        raise argparse.ArgumentTypeError(f'must be from 0 to {_LONGEST_S:g} s, got {text}')
    return value


def _body_id(text: str) -> int:
    value = int(text)
    if not -1 <= value < 2**32:
        raise argparse.ArgumentTypeError(f'must be from -1 to {2**32 - 1}, got {text}')
    return value
