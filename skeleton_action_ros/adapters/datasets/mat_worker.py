"""
A process of its own that reads MATLAB files with SciPy: damaged bytes can crash SciPy's C code.

It is run as a script by `mat_files`. Each line it is sent is a JSON pair (path, variable); each
answer is a pickled pair: ('value', array), ('names', variables there are) or ('error', why).
"""

from __future__ import annotations

import json
import pickle
import resource
import sys
from typing import Any

from scipy.io import loadmat

_MOST_MEMORY = 4 << 30


def answer(path: str, variable: str) -> tuple[str, Any]:
    """Read one variable, or say why not."""
    try:
        content = loadmat(path, appendmat=False)
    except Exception as error:  # noqa: BLE001 - SciPy raises whatever damaged bytes lead it into
        return 'error', f'{type(error).__name__}: {error}'
    if variable not in content:
        return 'names', sorted(name for name in content if not name.startswith('__'))
    return 'value', content[variable]


def main() -> None:
    """Answer until the caller closes the pipe."""
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    answers = sys.stdout.buffer
    sys.stdout = sys.stderr
    for line in sys.stdin:
        path, variable = json.loads(line)
        pickle.dump(answer(path, variable), answers)
        answers.flush()


if __name__ == '__main__':
    main()
