"""The few errors and the warning that a caller may want to tell apart; everything else is a built-in type."""

CHEAPER = "; a larger stride, a smaller tile or the device cpu need less memory"
"""What to add to a failure that may have been for lack of memory."""


class VitrailWarning(UserWarning):
    """A result may differ from what one expects; the message says how, to people."""


class VitrailError(Exception):
    """Base of the errors that napari-vitrail defines."""


class BackboneUnavailable(VitrailError):
    """No source has the weights of a backbone; the message names the ways to get them."""


class WeightsError(VitrailError):
    """A weights file is damaged, truncated or belongs to another architecture."""


class ComputeError(VitrailError):
    """A computation failed, for lack of memory for instance; the message suggests cheaper settings."""


class SpecMismatch(VitrailError, ValueError):
    """A classifier met features, or a backbone, other than the ones it was trained on."""


class ProjectError(VitrailError, ValueError):
    """A ``.vitrail`` file is damaged, too new, or holds something that is refused for safety."""


class MissingExtra(VitrailError, ImportError):
    """An optional package is needed and not installed; the message has the line that installs it."""
