from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """The programs of scripts/, imported as they import each other."""
    monkeypatch.syspath_prepend(str(ROOT / 'scripts'))
    import check_machine
    import pin_dependencies
    import setup_environment
    import venv_environment

    modules = (check_machine, pin_dependencies, setup_environment, venv_environment)
    return {module.__name__: module for module in modules}


def _run(arguments: list[str], **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments,
        cwd=ROOT,
        env={**{k: v for k, v in os.environ.items() if k != 'ROS_DISTRO'}, **environ},
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_missing_tools_are_named_in_one_line_with_the_command_that_installs_them() -> None:
    done = _run([sys.executable, 'scripts/check_machine.py'], PATH='')
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    for tool in ('git', 'make', 'cmake', 'g++'):
        assert f' {tool}' in line.split(':')[1], tool
    assert 'sudo apt-get install -y git make cmake g++' in line


def test_missing_headers_and_venv_are_named_by_their_debian_packages(
    scripts: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    check = scripts['check_machine']
    monkeypatch.setattr(check.sysconfig, 'get_path', lambda _: str(tmp_path))
    monkeypatch.setitem(sys.modules, 'ensurepip', None)
    missing = check.missing_tools(with_jazzy=False)
    assert missing['Python.h'] == 'python3-dev'
    assert missing['python3-venv'] == 'python3-venv'


def test_a_python_that_is_not_there_is_named_with_the_command_that_installs_it() -> None:
    done = _run(['make', '--no-print-directory', 'setup', 'PYTHON=python3.0'])
    assert done.returncode != 0
    assert 'set-up: missing python3.0: sudo apt-get install -y' in done.stderr


def test_another_ros_distribution_is_refused_before_anything_is_made() -> None:
    done = _run([sys.executable, 'scripts/setup_environment.py'], ROS_DISTRO='humble')
    assert done.returncode == 1
    assert done.stderr.startswith("set-up: ROS_DISTRO is 'humble': source a ROS 2 Jazzy")


@pytest.mark.parametrize(
    ('distribution', 'sourced'), [({}, False), ({'ROS_DISTRO': 'jazzy'}, True)]
)
def test_a_sourced_jazzy_is_used(
    scripts: dict[str, ModuleType], distribution: dict[str, str], sourced: bool
) -> None:
    assert scripts['check_machine'].jazzy_is_sourced(distribution) is sourced


@pytest.mark.parametrize('version', [(3, 9, 18), (3, 14, 0)])
def test_an_unsupported_python_is_refused(
    scripts: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int]
) -> None:
    check = scripts['check_machine']
    monkeypatch.setattr(check.sys, 'version_info', version)
    with pytest.raises(check.SetupError, match=rf'Python 3\.{version[1]} at .*need 3.10 to 3.13'):
        check.check_machine(with_jazzy=False)


@pytest.mark.parametrize(
    ('asked', 'installed', 'chosen'),
    [
        ([], [], {'run', 'report', 'cpu'}),
        (['test'], ['run', 'report', 'cpu'], {'run', 'report', 'cpu', 'test'}),
        ([], ['run', 'report', 'cpu', 'train'], {'run', 'report', 'cpu', 'train'}),
        (['gpu'], ['run', 'report', 'cpu'], {'run', 'report', 'gpu'}),
        (['test'], ['run', 'report', 'gpu'], {'run', 'report', 'gpu', 'test'}),
    ],
)
def test_extras_accumulate_and_hold_one_onnx_runtime(
    scripts: dict[str, ModuleType], asked: list[str], installed: list[str], chosen: set[str]
) -> None:
    assert scripts['setup_environment'].choose_extras(asked, installed) == chosen


def test_include_folders_of_the_build_machine_are_replaced(
    scripts: dict[str, ModuleType], tmp_path: Path
) -> None:
    path = tmp_path / 'std_msgs' / 'cmake' / 'export_std_msgs__rosidl_generator_pyExport.cmake'
    path.parent.mkdir(parents=True)
    path.write_text(
        'INTERFACE_INCLUDE_DIRECTORIES "/opt/python/cp311-cp311/include/python3.11;'
        '/opt/python/cp311-cp311/lib/python3.11/site-packages/numpy/_core/include;'
        '${_IMPORT_PREFIX}/include/std_msgs"\n'
    )
    mend = scripts['setup_environment'].mend_include_folders
    mend(tmp_path, python='/usr/include/python3.11', numpy='/venv/numpy/core/include')
    assert path.read_text() == (
        'INTERFACE_INCLUDE_DIRECTORIES "/usr/include/python3.11;'
        '/venv/numpy/core/include;'
        '${_IMPORT_PREFIX}/include/std_msgs"\n'
    )


@pytest.mark.parametrize(
    ('with_jazzy', 'extras', 'built'),
    [
        (False, {'run'}, ['skeleton_action_msgs', 'tf2_msgs']),
        (
            False,
            {'run', 'test'},
            ['skeleton_action_msgs', 'tf2_msgs', 'skeleton_action_test_msgs'],
        ),
        (True, {'test'}, ['skeleton_action_msgs', 'skeleton_action_test_msgs']),
    ],
)
def test_messages_are_built_that_nobody_else_brings(
    scripts: dict[str, ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    with_jazzy: bool,
    extras: set[str],
    built: list[str],
) -> None:
    environment = scripts['setup_environment'].Environment
    for step in ('_make_venv', '_adopt_ros', '_link_package'):
        monkeypatch.setattr(environment, step, lambda _: None)
    monkeypatch.setattr(environment, '_install', lambda *_: extras)
    folders: dict[str, Path] = {}
    monkeypatch.setattr(
        environment, '_build_messages', lambda _, package, folder: folders.update({package: folder})
    )
    environment(with_jazzy).make(extras)
    assert list(folders) == built
    for package, folder in folders.items():
        assert f'<name>{package}</name>' in (folder / 'package.xml').read_text()


def test_a_link_replaces_what_stood_there(scripts: dict[str, ModuleType], tmp_path: Path) -> None:
    at = tmp_path / 'share' / 'config'
    for target in (tmp_path / 'old', tmp_path / 'new', tmp_path / 'new'):
        scripts['setup_environment'].link(at, target)
        assert at.readlink() == target


def test_the_prefix_comes_behind_a_workspace_that_is_sourced(
    scripts: dict[str, ModuleType], tmp_path: Path
) -> None:
    bundled = tmp_path / 'lib' / 'python3.11' / 'site-packages' / 'ros_rcl.libs'
    bundled.mkdir(parents=True)
    before = {'AMENT_PREFIX_PATH': '/workspace/install', 'HOME': '/home/robot'}
    after = scripts['venv_environment'].ros_environment(str(tmp_path), before)
    assert after['AMENT_PREFIX_PATH'] == f'/workspace/install:{tmp_path}'
    assert after['LD_LIBRARY_PATH'] == f'{tmp_path}/lib:{bundled}'
    assert after['HOME'] == '/home/robot'
    assert before == {'AMENT_PREFIX_PATH': '/workspace/install', 'HOME': '/home/robot'}


def test_versions_that_differ_between_pythons_are_pinned_for_each(
    scripts: dict[str, ModuleType],
) -> None:
    resolved = {
        '3.10': {'lz4': '4.4.5', 'networkx': '3.4.2', 'numpy': '1.26.4', 'tomli': '2.5.0'},
        '3.11': {'lz4': '4.4.5', 'networkx': '3.6.1', 'numpy': '1.26.4', 'nvidia-nccl-cu13': '2'},
    }
    assert scripts['pin_dependencies'].merge(resolved, left_out={'numpy'}) == [
        'lz4==4.4.5',
        'networkx==3.4.2; python_version == "3.10"',
        'networkx==3.6.1; python_version == "3.11"',
        'tomli==2.5.0',
    ]


@pytest.mark.parametrize('target', ['demo', 'test', 'bench', 'lint', 'train-default', 'clean'])
def test_the_makefile_has_the_promised_targets(target: str) -> None:
    done = _run(['make', '--dry-run', target])
    assert done.returncode == 0, done.stderr


def test_continuous_integration_runs_the_tests() -> None:
    assert 'make test' in (ROOT / '.ci' / 'run').read_text()
    assert os.access(ROOT / '.ci' / 'run', os.X_OK)
