"""`skeleton-action sources`: what skeletons can come from here, and what the others lack."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict

from skeleton_action_ros.adapters.sources.availability import Availability, availabilities


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument('--json', action='store_true', help='print the list as JSON')


def run(arguments: argparse.Namespace) -> int:
    """Look, and say what there is."""
    found = availabilities()
    if arguments.json:
        entries = [
            {'source': name, 'usable': each.usable, **asdict(each)} for name, each in found.items()
        ]
        print(json.dumps(entries, indent=2))
    else:
        print(table(found))
    return 0


def table(found: Mapping[str, Availability]) -> str:
    """Return one line for each source, and below it what is plugged in, or lacks."""
    width = max(map(len, found))
    lines = []
    for name, each in found.items():
        lines.append(f'{name:{width}}  {"yes" if each.usable else "no ":3}  {each.what}')
        more = [f'found {device}' for device in each.devices]
        more += [each.note] if each.note else []
        more += [f'{each.why}: {each.remedy}'] if each.why else []
        lines += [f'{"":{width}}       {line}' for line in more]
    return '\n'.join(lines)
