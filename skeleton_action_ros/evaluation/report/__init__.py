"""The report of an evaluation: one self-contained HTML page that loads nothing. Needs plotly."""

from skeleton_action_ros.evaluation.report.render import render_report, write_report

__all__ = ['render_report', 'write_report']
