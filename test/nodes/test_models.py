"""What the parameters of a node say about its model, and what it says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from bundles import motion_bundle, with_int8

from skeleton_action_ros.core.errors import BundleError
from skeleton_action_ros.nodes.configuration import ModelParameters
from skeleton_action_ros.nodes.models import describe_model, load_model


@pytest.mark.parametrize('precision', ['fp32', 'int8'])
def test_parameter_chooses_the_precision_and_diagnostics_say_it(
    tmp_path: Path, precision: str
) -> None:
    bundle = with_int8(motion_bundle(tmp_path / 'motion'))
    facts: dict[str, str] = {}

    model = load_model(ModelParameters(model=str(bundle), precision=precision))

    line = describe_model(model, facts)
    assert f'in {precision}' in line
    assert facts['model_precision'] == precision
    assert facts['provider'] == 'CPUExecutionProvider'


def test_precision_that_a_bundle_lacks_is_refused(tmp_path: Path) -> None:
    bundle = motion_bundle(tmp_path / 'motion')

    with pytest.raises(BundleError, match='motion has no int8 model, only fp32'):
        load_model(ModelParameters(model=str(bundle), precision='int8'))


def test_no_provider_at_all_is_refused(tmp_path: Path) -> None:
    bundle = motion_bundle(tmp_path / 'motion')

    with pytest.raises(BundleError, match="providers must name at least one, got ' , '"):
        load_model(ModelParameters(model=str(bundle), providers=' , '))
