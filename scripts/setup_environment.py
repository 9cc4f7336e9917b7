"""
Make .venv: a virtual environment that is a ROS 2 Jazzy prefix with this project in it.

Each step leaves a stamp with the hash of what went into it and is skipped while that is unchanged.
Needs the standard library only, because it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from check_machine import SetupError, check_machine, jazzy_is_sourced

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / '.venv'
BUILD = ROOT / 'build'
PACKAGE = 'skeleton_action_ros'
MESSAGES = 'skeleton_action_msgs'
FRAME_MESSAGES = 'tf2_msgs'
TEST_MESSAGES = 'skeleton_action_test_msgs'
BASE_EXTRAS = frozenset({'run', 'report'})
# Files that list all they need: what they install would ask for more, and for other versions.
COMPLETE = frozenset({'rgb'})


def digest(parts: Iterable[str | Path]) -> str:
    """Hash of texts and of files; a folder stands for every file in it."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            total.update(part.encode() + b'\0')
            continue
        paths = sorted(part.rglob('*')) if part.is_dir() else [part]
        for path in filter(Path.is_file, paths):
            total.update(str(path.relative_to(ROOT)).encode() + b'\0' + path.read_bytes() + b'\0')
    return total.hexdigest()


def choose_extras(asked: Iterable[str], installed: Iterable[str]) -> set[str]:
    """What to install: nothing is taken away; one ONNX Runtime, cpu unless gpu is asked for."""
    extras = {*BASE_EXTRAS, *asked, *installed}
    return (extras - {'cpu'}) if 'gpu' in extras else (extras | {'cpu'})


class Environment:
    """The virtual environment and the steps that make it, in order; each does nothing when done."""

    def __init__(self, with_jazzy: bool) -> None:
        self._with_jazzy = with_jazzy
        self._python = VENV / 'bin' / 'python'
        self._stamps = VENV / '.setup'
        self._environ = dict(os.environ)
        self._environ.pop('PYTHONHOME', None)
        self._environ['PATH'] = f'{VENV / "bin"}{os.pathsep}{os.environ.get("PATH", "")}'

    def make(self, asked: Iterable[str]) -> None:
        """Make or complete the environment with the extras asked for."""
        self._make_venv()
        extras = self._install(asked)
        self._adopt_ros()
        self._build_messages(MESSAGES, ROOT / MESSAGES)
        if not self._with_jazzy:
            self._build_messages(FRAME_MESSAGES, ROOT / 'scripts' / 'messages' / FRAME_MESSAGES)
        if 'test' in extras:
            self._build_messages(TEST_MESSAGES, ROOT / 'test' / 'messages' / TEST_MESSAGES)
        self._link_package()

    def _make_venv(self) -> None:
        mode = 'jazzy' if self._with_jazzy else 'wheels'
        key = f'{mode} at {VENV}'  # programs in it name the folder: a moved one is made anew
        if self._is_stamped('venv', key) and self._python.is_file():
            return
        check_machine(self._with_jazzy)
        with Step(f'virtual environment ({platform.python_version()}, ROS from {mode})'):
            options = ['--system-site-packages'] if self._with_jazzy else []
            self._run([sys.executable, '-m', 'venv', '--clear', *options, str(VENV)])
            self._stamp('venv', key)

    def _install(self, asked: Iterable[str]) -> set[str]:
        """Install what is asked for and was before; return all extras that are installed."""
        stamp = self._stamps / 'packages'
        before = stamp.read_text().split() if stamp.is_file() else ['']
        extras = choose_extras(asked, before[1:])
        key = digest([ROOT / 'requirements', ROOT / 'setup.py', ROOT / 'setup.cfg'])
        if before[0] == key and extras == set(before[1:]):
            return extras
        check_machine(self._with_jazzy)
        files = sorted({*extras, 'build'} | (set() if self._with_jazzy else {'ros'}))
        with Step(f'packages ({", ".join(files)})'):
            if 'gpu' in extras and 'cpu' in before:
                self._pip('uninstall', '-y', 'onnxruntime')
            requirements = {name: f'-r{ROOT / "requirements" / f"{name}.txt"}' for name in files}
            complete = [requirements.pop(name) for name in files if name in COMPLETE]
            constraints = f'-c{ROOT / "requirements" / "constraints.txt"}'
            self._pip('install', constraints, *requirements.values())
            if complete:
                self._pip('install', '--no-deps', *complete)
            editable = ['--no-deps', '--no-build-isolation', '--use-pep517', '-e', str(ROOT)]
            self._pip('install', *editable)
            self._stamp('packages', '\n'.join([key, *sorted(extras)]))
        return extras

    def _adopt_ros(self) -> None:
        """Set the paths of ROS when Python starts, and mend the wheels' include folders."""
        key = digest([Path(__file__), ROOT / 'scripts' / 'venv_environment.py', self._installed()])
        if self._is_stamped('ros', key):
            return
        with Step('ROS prefix'):
            module = '_skeleton_action_environment'
            shutil.copy(ROOT / 'scripts' / 'venv_environment.py', self._site / f'{module}.py')
            # Files like this run in alphabetical order: before ros_wheels_bootstrapper.pth.
            (self._site / f'{module}.pth').write_text(f'import {module}; {module}.restart_once()\n')
            if not self._with_jazzy:
                python = self._ask('sysconfig', 'get_path("include")')
                numpy = self._ask('numpy', 'get_include()')
                mend_include_folders(VENV / 'share', python=python, numpy=numpy)
            self._stamp('ros', key)

    def _build_messages(self, package: str, folder: Path) -> None:
        key = digest([folder, self._installed()])
        if self._is_stamped(package, key):
            return
        check_machine(self._with_jazzy)
        with Step(f'{package} (colcon, rosidl)'):
            environ = dict(self._environ)
            for name in ('AMENT_PREFIX_PATH', 'CMAKE_PREFIX_PATH'):
                environ[name] = os.pathsep.join(filter(None, [str(VENV), environ.get(name, '')]))
            shutil.rmtree(BUILD / package, ignore_errors=True)
            self._run(
                ['colcon', '--log-base', str(BUILD / 'log'), 'build', '--merge-install',
                 '--base-paths', str(folder), '--build-base', str(BUILD),
                 '--install-base', str(VENV),
                 '--cmake-args', '-DBUILD_TESTING=OFF', f'-DPython3_EXECUTABLE={self._python}'],
                environ,
            )  # fmt: skip
            self._run([str(self._python), '-c', f'import rclpy, {package}.msg'])
            self._stamp(package, key)

    def _link_package(self) -> None:
        """Put launch, config and models where ROS looks for them, as links into the checkout."""
        share = VENV / 'share' / PACKAGE
        for name in ('package.xml', 'launch', 'config', 'models'):
            link(share / name, ROOT / name)
        index = VENV / 'share' / 'ament_index' / 'resource_index' / 'packages'
        link(index / PACKAGE, ROOT / 'resource' / PACKAGE)
        (entry_points,) = self._site.glob(f'{PACKAGE}-*.dist-info/entry_points.txt')
        for program in re.findall(r'^([\w-]+) *=', entry_points.read_text('utf-8'), re.MULTILINE):
            link(VENV / 'lib' / PACKAGE / program, VENV / 'bin' / program)

    @property
    def _site(self) -> Path:
        found = sorted(VENV.glob('lib/python3*/site-packages'))
        if len(found) != 1:
            raise SetupError(f'{VENV} has {len(found)} site-packages folders, not 1: make clean')
        return found[0]

    def _installed(self) -> str:
        """Names and versions of the wheels that messages are built against."""
        names = (path.name for path in self._site.glob('*.dist-info'))
        return '\n'.join(sorted(n for n in names if n.startswith(('ros_', 'numpy-', 'empy-'))))

    def _is_stamped(self, step: str, key: str) -> bool:
        stamp = self._stamps / step
        return stamp.is_file() and stamp.read_text() == key

    def _stamp(self, step: str, key: str) -> None:
        self._stamps.mkdir(exist_ok=True)
        (self._stamps / step).write_text(key)

    def _ask(self, module: str, call: str) -> str:
        code = f'import {module}; print({module}.{call})'
        return self._run([str(self._python), '-c', code]).strip()

    def _pip(self, *arguments: str) -> None:
        options = ['--quiet', '--disable-pip-version-check', '--no-input']
        self._run([str(self._python), '-m', 'pip', *options, *arguments])

    def _run(self, command: Sequence[str], environ: Mapping[str, str] | None = None) -> str:
        """Return what the command printed. :raises SetupError: it failed, with all it printed."""
        done = subprocess.run(
            command, env=environ or self._environ, cwd=ROOT, text=True, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        if done.returncode != 0:
            raise SetupError(f'{" ".join(command)}\n{done.stdout}exited with {done.returncode}')
        return done.stdout


class Step:
    """Say what is being done, and how long it took."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._began_s = 0.0

    def __enter__(self) -> None:
        print(f'set-up: {self._what} ...', flush=True)
        self._began_s = time.monotonic()

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            took_s = time.monotonic() - self._began_s
            print(f'set-up: {self._what} done in {took_s:.0f} s', flush=True)


def mend_include_folders(share: Path, python: str, numpy: str) -> None:
    """
    Rewrite the include folders of the machine that the message wheels were built on.

    :param python: the folder of this Python's Python.h.
    :param numpy: the folder of this numpy's headers.
    """
    for path in share.rglob('*_pyExport.cmake'):
        text = path.read_text('utf-8')
        mended = re.sub(r'/opt/python/[^;"]*?/numpy/_?core/include', lambda _: numpy, text)
        mended = re.sub(r'/opt/python/[^;"]*?/include/python3\.\d+', lambda _: python, mended)
        if mended != text:
            path.write_text(mended, 'utf-8')


def link(at: Path, target: Path) -> None:
    """Make `at` a link to `target`, whatever it was before."""
    if at.is_symlink() and at.readlink() == target:
        return
    at.parent.mkdir(parents=True, exist_ok=True)
    at.unlink(missing_ok=True)
    at.symlink_to(target)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--extras', nargs='*', default=[], help='files of requirements/ to add')
    arguments = parser.parse_args()
    try:
        with_jazzy = jazzy_is_sourced(os.environ)
        BUILD.mkdir(exist_ok=True)
        with (BUILD / '.setup-lock').open('w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two at once would spoil the environment
            Environment(with_jazzy).make(arguments.extras)
    except SetupError as error:
        print(f'set-up: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == '__main__':
    sys.exit(main())
