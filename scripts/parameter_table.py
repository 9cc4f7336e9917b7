"""
Keep the parameter tables of a document equal to the configuration dataclasses.

A table stands between `<!-- parameters of NODE -->` and `<!-- end of parameters -->`.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from skeleton_action_ros.core.config import Parameter, parameters_of
from skeleton_action_ros.nodes.configuration import PARAMETERS, NodeParameters

EVERY_NODE = 'every node'
_SECTION = re.compile(
    r'(?P<begin><!-- parameters of (?P<node>[a-z_ ]+) -->\n).*?(?P<end><!-- end of parameters -->)',
    re.DOTALL,
)


def table(node: str) -> str:
    """
    Return the parameters of a node as a Markdown table, without those that every node has.

    :raises KeyError: there is no such node.
    """
    common = {item.name for item in parameters_of(NodeParameters)}
    if node == EVERY_NODE:
        rows = list(parameters_of(NodeParameters))
    else:
        rows = [item for item in parameters_of(PARAMETERS[node]) if item.name not in common]
    return '\n'.join(
        ['| parameter | default | range | what it is |', '|---|---|---|---|', *map(_row, rows), '']
    )


def updated(text: str) -> str:
    """
    Return a document with every table as it must be.

    :raises KeyError: a table is of a node that does not exist.
    """
    return _SECTION.sub(lambda found: found['begin'] + table(found['node']) + found['end'], text)


def tables_in(text: str) -> list[str]:
    """Return the nodes that a document has tables of."""
    return [found['node'] for found in _SECTION.finditer(text)]


def _row(item: Parameter) -> str:
    default = str(item.default).lower() if isinstance(item.default, bool) else item.default
    shown = default if default != '' else "''"
    return f'| `{item.name}` | `{shown}` | {_range(item)} | {item.description} |'


def _range(item: Parameter) -> str:
    if item.choices:
        return ', '.join(f'`{choice}`' for choice in item.choices)
    if item.low is None and item.high is None:
        return item.unit
    return f'{_number(item.low)} to {_number(item.high)} {item.unit}'.strip()


def _number(value: float | None) -> str:
    if value is None:
        return ''
    return str(int(value)) if value == int(value) else f'{value:g}'


def main() -> int:
    """Write the tables into a document, or only say whether they are right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('document', type=Path)
    parser.add_argument('--check', action='store_true', help='only compare; 1 when they differ')
    arguments = parser.parse_args()
    text = arguments.document.read_text('utf-8')
    right = updated(text)
    if arguments.check and text != right:
        print(
            f'{arguments.document}: the parameter tables differ from the code; '
            f'run {sys.argv[0]} {arguments.document}',
            file=sys.stderr,
        )
        return 1
    if text != right:
        arguments.document.write_text(right, 'utf-8')
    return 0


if __name__ == '__main__':
    sys.exit(main())
