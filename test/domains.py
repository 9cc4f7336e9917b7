"""A ROS domain that nobody on this machine uses."""

from __future__ import annotations

import os
import socket

_DOMAINS = 101
_BASE_PORT, _PORTS_PER_DOMAIN, _FIRST_PARTICIPANT = 7400, 250, 10


def free_domain() -> int:
    """
    Return a domain whose first participant's discovery port (by the DDS specification) is free.

    Processes look from different domains on, so that those that look at once rarely agree.
    """
    for step in range(_DOMAINS):
        domain = 1 + (os.getpid() + step) % _DOMAINS
        port = _BASE_PORT + _PORTS_PER_DOMAIN * domain + _FIRST_PARTICIPANT
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(('', port))
            except OSError:
                continue
            return domain
    raise RuntimeError(f'all {_DOMAINS} ROS domains are in use on this machine')
