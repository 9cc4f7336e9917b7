"""The README says what the code does: parameters, commands, targets, links, names."""

from __future__ import annotations

import argparse
import ast
import importlib
import re
import shlex
from pathlib import Path

import pytest

from scripts import parameter_table
from skeleton_action_ros.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
README = (ROOT / 'README.md').read_text('utf-8')
BLOCKS = re.findall(r'^```(\w*)\n(.*?)^```$', README, re.DOTALL | re.MULTILINE)
SHELL = '\n'.join(block for kind, block in BLOCKS if not kind).replace('\\\n', '')
LINES = [line.partition('#')[0].strip() for line in SHELL.splitlines()]


def examples(program: str) -> list[list[str]]:
    """Return the arguments of each example of a program, `...` taken away."""
    found = [shlex.split(line.replace('...', '')) for line in LINES if line]
    return [words[1:] for words in found if Path(words[0]).name == program]


def test_each_node_has_a_table_of_its_parameters() -> None:
    assert parameter_table.tables_in(README) == [
        'every node',
        'skeleton_source',
        'window_buffer',
        'action_recognizer',
        'action_enroller',
    ]


def test_tables_of_parameters_equal_the_code() -> None:
    assert parameter_table.updated(README) == README, 'scripts/parameter_table.py README.md'


def test_table_shows_name_default_range_and_description() -> None:
    rows = parameter_table.table('window_buffer').splitlines()
    hop = '| `windows.hop_s` | `0.1` | 0.01 to 5 s | time between two windows of a person |'
    assert hop in rows
    assert not any('autostart' in row for row in rows)


@pytest.mark.parametrize('words', examples('skeleton-action'), ids=' '.join)
def test_command_in_the_readme_is_understood(words: list[str]) -> None:
    assert words[0] in COMMANDS
    parser = argparse.ArgumentParser(exit_on_error=False)
    importlib.import_module(f'skeleton_action_ros.cli.{words[0]}').configure(parser)
    parser.parse_args(words[1:])


def test_every_command_line_command_is_in_the_readme() -> None:
    shown = {words[0] for words in examples('skeleton-action')} | {'demo'}  # make demo
    assert shown == set(COMMANDS)


def test_targets_of_make_in_the_readme_exist() -> None:
    makefile = (ROOT / 'Makefile').read_text('utf-8')
    targets = set(re.findall(r'^([a-z-]+):.*## ', makefile, re.MULTILINE))
    named = set(re.findall(r'`make ([a-z-]+)', README)) | {words[0] for words in examples('make')}
    assert {'demo', 'test'} <= named
    assert named <= targets


def test_links_lead_somewhere() -> None:
    titles = re.findall(r'^#+ (.+)$', README, re.MULTILINE)
    headings = {title.lower().replace(' ', '-') for title in titles}
    links = re.findall(r'\]\(([^)]+)\)', README)
    assert links
    for link in links:
        if link.startswith('#'):
            assert link[1:] in headings
        else:
            assert (ROOT / link).exists(), link


def test_launch_arguments_in_the_readme_are_those_of_the_launch_file() -> None:
    tree = ast.parse((ROOT / 'launch' / 'recognize.launch.py').read_text('utf-8'))
    declared = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, 'id', '') == 'DeclareLaunchArgument'
        and isinstance(node.args[0], ast.Constant)
    }
    section = README.split('| argument | default |')[1].split('\n\n')[0]
    assert set(re.findall(r'^\| `(\w+)` \|', section, re.MULTILINE)) == declared


def test_program_in_the_readme_uses_what_the_message_has() -> None:
    messages = pytest.importorskip('skeleton_action_msgs.msg', reason='make setup builds them')
    (program,) = (block for kind, block in BLOCKS if kind == 'python')
    used = {
        node.attr
        for node in ast.walk(ast.parse(program))
        if isinstance(node, ast.Attribute)
        and getattr(node.value, 'id', '') in ('event', 'ActionEvent')
    }
    assert {'STARTED', 'label'} <= used
    for name in used:
        assert hasattr(messages.ActionEvent(), name), name
