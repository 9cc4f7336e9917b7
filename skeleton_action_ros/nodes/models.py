"""Loading the model that the parameters name, and saying what runs."""

from __future__ import annotations

from skeleton_action_ros.adapters.onnx_bundle import OnnxModel, load_bundle
from skeleton_action_ros.core.embedding import Model
from skeleton_action_ros.core.errors import BundleError
from skeleton_action_ros.nodes.configuration import ModelParameters


def load_model(parameters: ModelParameters) -> Model:
    """
    Load and warm up the bundle.

    :raises BundleError: there is none, it is damaged, or no provider runs it.
    """
    providers = [name.strip() for name in parameters.providers.split(',') if name.strip()]
    if not providers:
        raise BundleError(f'providers must name at least one, got {parameters.providers!r}')
    return load_bundle(
        parameters.model,
        providers=providers,
        threads=parameters.threads,
        precision=parameters.precision,
    )


def describe_model(model: Model, facts: dict[str, str]) -> str:
    """
    Say what model runs on what, and why on nothing better.

    :param facts: receives the same as values for `/diagnostics`.
    """
    facts['model'] = model.name
    facts['model_kind'] = model.kind
    facts['model_threshold'] = f'{model.threshold:.3f}'
    line = f'model {model.name!r} ({model.kind})'
    if isinstance(model, OnnxModel):
        facts['model_precision'] = model.precision
        facts['provider'] = model.provider
        line += f' runs on {model.provider} in {model.precision}'
        for provider, note in model.provider_notes.items():
            facts[f'provider.{provider}'] = f'does not run: {note}'
            line += f'; {provider} does not: {note}'
    return line
