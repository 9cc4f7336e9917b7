"""`skeleton-action actions`: what the robot has been taught."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from skeleton_action_ros.adapters.gallery_file import read_gallery
from skeleton_action_ros.adapters.gallery_store import GalleryStore
from skeleton_action_ros.cli.services import add_client_arguments, call, require_ros
from skeleton_action_ros.core.calibration import Calibration
from skeleton_action_ros.core.gallery import ON_CONFLICT
from skeleton_action_ros.nodes.configuration import default_gallery


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    actions = parser.add_subparsers(dest='action', required=True, metavar='ACTION')
    listing = actions.add_parser('list', help='what is taught')
    listing.set_defaults(act=_list)
    renaming = actions.add_parser('rename', help='give an action another name')
    renaming.add_argument('label', metavar='OLD')
    renaming.add_argument('new_label', metavar='NEW')
    renaming.set_defaults(act=_rename)
    removing = actions.add_parser('remove', help='forget an action, or one demonstration of it')
    removing.add_argument('label', metavar='LABEL')
    removing.add_argument('--id', default='', help='of the one demonstration to forget')
    removing.set_defaults(act=_remove)
    for command in (listing, renaming, removing):
        add_client_arguments(command)
    exporting = actions.add_parser('export', help='copy the gallery into one file')
    exporting.add_argument('--overwrite', action='store_true', help='replace FILE if it exists')
    exporting.set_defaults(act=_export)
    importing = actions.add_parser('import', help='take over an exported file')
    importing.add_argument(
        '--on-conflict',
        choices=ON_CONFLICT,
        default=ON_CONFLICT[0],
        help='what happens to an action that is taught here already (keep)',
    )
    importing.set_defaults(act=_import)
    setting = actions.add_parser('threshold', help='say from what similarity an action counts')
    setting.add_argument('label', metavar='LABEL')
    setting.add_argument(
        'similarity', type=float, help='from 0 to 1; 0: what is measured, as at first'
    )
    setting.set_defaults(act=_threshold)
    for command in (exporting, importing):
        command.add_argument('file', metavar='FILE', type=Path)
    for command in (exporting, importing, setting):
        command.add_argument(
            '--gallery',
            type=Path,
            help=f'gallery file of this robot ({default_gallery()}); a running enroller follows it',
        )
        command.add_argument('--json', action='store_true', help='print figures as JSON')


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; 0 only where it did what it says."""
    return int(arguments.act(arguments))


def _list(arguments: argparse.Namespace) -> int:
    require_ros()
    from skeleton_action_msgs.srv import ListActions

    answer = call(ListActions, 'list_actions', ListActions.Request(), arguments)
    if arguments.json:
        print(json.dumps([_summary(item) for item in answer.actions]))
        return 0
    if not answer.actions:
        print('nothing is taught yet')
    width = max((len(item.label) for item in answer.actions), default=0)
    for item in answer.actions:
        shots = f'{item.shots} demonstration{"s" if item.shots > 1 else ""}'
        print(
            f'{item.label:{width}}  {shots:18}  {_when(item.taught)}  {" ".join(item.template_ids)}'
        )
        if item.threshold > 0.0:
            print(f'{"":{width}}  counts from {item.threshold:.3f}: {threshold_reason(item)}')
    return 0


def threshold_reason(item: Any) -> str:
    """Say from what a threshold is."""
    said = item.calibration
    if not said.label:
        return "the user's own"
    parts = [f'model {said.base:.3f}']
    parts += [
        f'{name} {similarity:.2f} ({count})'
        for name, similarity, count in (
            ('background', said.background_similarity, said.background),
            ('other actions', said.others_similarity, said.others),
            ('spliced halves', said.spliced_similarity, said.spliced),
            ('altered copies', said.altered_similarity, said.altered),
        )
        if count
    ]
    measured = f'{said.method} ({", ".join(parts)}; {said.model})'
    if item.own_threshold:
        return f"the user's own; measured were {said.threshold:.3f}, {measured}"
    return measured


def _threshold(arguments: argparse.Namespace) -> int:
    path = arguments.gallery or default_gallery()
    read_gallery(path)
    with GalleryStore(path) as store:
        store.set_threshold(arguments.label, arguments.similarity)
    figures = {'label': arguments.label, 'threshold': arguments.similarity}
    said = 'what is measured'
    if arguments.similarity > 0.0:
        said = f'{arguments.similarity:g}, whatever is measured'
    print(json.dumps(figures) if arguments.json else f'{arguments.label!r} counts from {said}')
    return 0


def _rename(arguments: argparse.Namespace) -> int:
    require_ros()
    from skeleton_action_msgs.srv import RenameAction

    request = RenameAction.Request(label=arguments.label, new_label=arguments.new_label)
    answer = call(RenameAction, 'rename_action', request, arguments)
    return _tell(arguments, answer, {'shots': answer.shots})


def _remove(arguments: argparse.Namespace) -> int:
    require_ros()
    from skeleton_action_msgs.srv import RemoveAction

    request = RemoveAction.Request(label=arguments.label, template_id=arguments.id)
    answer = call(RemoveAction, 'remove_action', request, arguments)
    return _tell(arguments, answer, {'removed': answer.removed})


def _export(arguments: argparse.Namespace) -> int:
    path = arguments.gallery or default_gallery()
    read_gallery(path)
    with GalleryStore(path) as store:
        gallery = store.export_to(arguments.file, arguments.overwrite)
    figures = {'actions': len(gallery.labels), 'demonstrations': len(gallery)}
    text = f'{len(gallery.labels)} actions, {len(gallery)} demonstrations: {arguments.file}'
    print(json.dumps(figures) if arguments.json else text)
    return 0


def _import(arguments: argparse.Namespace) -> int:
    with GalleryStore(arguments.gallery or default_gallery()) as store:
        for warning in store.warnings:
            print(warning, file=sys.stderr)
        counts = store.import_from(arguments.file, arguments.on_conflict)
    figures = {'added': counts.added, 'skipped': counts.skipped, 'removed': counts.removed}
    text = (
        f'{counts.added} demonstrations added, {counts.skipped} left out, {counts.removed} replaced'
    )
    print(json.dumps(figures) if arguments.json else text)
    return 0


def _tell(arguments: argparse.Namespace, answer: Any, figures: dict[str, int]) -> int:
    if arguments.json:
        print(json.dumps({'success': answer.success, 'message': answer.message, **figures}))
    else:
        print(answer.message, file=sys.stdout if answer.success else sys.stderr)
    return 0 if answer.success else 1


def _summary(item: Any) -> dict[str, Any]:
    return {
        'label': item.label,
        'shots': item.shots,
        'template_ids': list(item.template_ids),
        'threshold': round(item.threshold, 4),
        'own_threshold': item.own_threshold,
        'calibration': _calibration(item.calibration),
        'taught': _when(item.taught),
    }


def _calibration(said: Any) -> dict[str, Any] | None:
    if not said.label:
        return None
    values = {item.name: getattr(said, item.name) for item in fields(Calibration)}
    return {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in values.items()
        if name != 'label'
    }


def _when(time: Any) -> str:
    return datetime.fromtimestamp(time.sec, timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
