"""The plugin that defines a network."""

from timm.models import is_model, model_entrypoint
from torch import nn

from robustkd.plugins import digest_of


def network_source(architecture: str, module: nn.Module | None = None) -> str | None:
    """Return the digest of the plugin that defines a network.

    Args:
        architecture: The network's name; if timm does not know it, the class of `module` is looked up instead.
        module: The network.

    Returns:
        SHA-256 of the plugin's source; None for networks of timm and of this package.
    """
    if is_model(architecture):
        return digest_of(model_entrypoint(architecture))
    return digest_of(type(module)) if module is not None else None
