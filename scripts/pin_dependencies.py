"""
Write requirements/constraints.txt: the versions of everything that the pinned packages pull in.

Run it after changing a pin, with one interpreter of each supported minor version:
python3 scripts/pin_dependencies.py python3.10 python3.11 python3.12 python3.13
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / 'requirements'
CONSTRAINTS = REQUIREMENTS / 'constraints.txt'
# torch pins its own CUDA packages, and which there are depends on the build of torch.
LEFT_OUT = re.compile(r'nvidia-|cuda-|triton$')
# The constraints themselves, the other ONNX Runtime, and what is installed without dependencies.
NOT_RESOLVED = ('constraints', 'gpu', 'rgb')
HEADER = """\
# What the pinned packages pull in, written by scripts/pin_dependencies.py. Not edited by hand.
"""


def normalised(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r'[-_.]+', '-', name).lower()


def pinned_directly() -> set[str]:
    """Names that the requirement files pin: those are not repeated among the constraints."""
    text = '\n'.join(p.read_text('utf-8') for p in REQUIREMENTS.glob('*.txt') if p != CONSTRAINTS)
    return {normalised(name) for name in re.findall(r'^([A-Za-z][\w.-]*)==', text, re.MULTILINE)}


def resolve(python: str) -> tuple[str, dict[str, str]]:
    """Return the interpreter's minor version, and name -> version of all that it would install."""
    files = [p for p in sorted(REQUIREMENTS.glob('*.txt')) if p.stem not in NOT_RESOLVED]
    command = [python, '-m', 'pip', 'install', '--quiet', '--dry-run', '--ignore-installed']
    command += ['--report', '-', *(f'-r{path}' for path in files)]
    done = subprocess.run(command, text=True, check=True, stdout=subprocess.PIPE)
    report = json.loads(done.stdout)
    packages = [entry['metadata'] for entry in report['install']]
    versions = {normalised(package['name']): str(package['version']) for package in packages}
    return report['environment']['python_version'], versions


def merge(resolved: Mapping[str, Mapping[str, str]], left_out: set[str]) -> list[str]:
    """
    Return constraint lines: one for each package, or one for each minor version that differs.

    :param resolved: minor version -> name -> version.
    """
    lines = []
    for name in sorted({name for versions in resolved.values() for name in versions} - left_out):
        if LEFT_OUT.match(name):
            continue
        found = {minor: versions[name] for minor, versions in resolved.items() if name in versions}
        if len(set(found.values())) == 1:
            lines.append(f'{name}=={next(iter(found.values()))}')
        else:
            lines += [
                f'{name}=={version}; python_version == "{minor}"'
                for minor, version in found.items()
            ]
    return lines


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    lines = merge(dict(resolve(python) for python in sys.argv[1:]), pinned_directly())
    CONSTRAINTS.write_text(HEADER + '\n'.join(lines) + '\n', 'utf-8')
    print(f'{CONSTRAINTS}: {len(lines)} lines')
    return 0


if __name__ == '__main__':
    sys.exit(main())
