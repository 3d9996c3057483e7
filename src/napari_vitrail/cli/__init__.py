"""The command line, ``vitrail COMMAND``: a module for each command, with its arguments beside it.

`_main` knows the commands and what becomes of their errors; `_train`, `_segment`, `_match`, `_cosegment`,
`_objects`, `_features`, `_store`, `_demo` and `_models` are the commands. What several of them need: `_voice`
says things and knows the exit codes, `_images` how image files are read, `_computing` backbone, device and
store, `_spec` the options of the features, `_refining` what moves borders.

What takes time to import is imported where it is used, so that ``vitrail --help`` is instant.
"""

from napari_vitrail.cli._main import main, parser
from napari_vitrail.cli._voice import FAILED, INTERRUPTED, MISUSED

__all__ = ["FAILED", "INTERRUPTED", "MISUSED", "main", "parser"]
