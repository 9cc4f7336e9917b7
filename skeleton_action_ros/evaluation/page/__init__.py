"""
One self-contained HTML page of what was shown and what was recognised: it loads nothing.

The page is a function of plain data, so that a live run, a replay and a test make the same page.
"""

from skeleton_action_ros.evaluation.page.data import (
    NONE,
    Bar,
    Confusion,
    Figure,
    Footage,
    PageData,
    Table,
)
from skeleton_action_ros.evaluation.page.render import render_page, write_page

__all__ = [
    'NONE',
    'Bar',
    'Confusion',
    'Figure',
    'Footage',
    'PageData',
    'Table',
    'render_page',
    'write_page',
]
