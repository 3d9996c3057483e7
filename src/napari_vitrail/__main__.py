"""``python -m napari_vitrail`` is ``vitrail``."""

import sys

from napari_vitrail.cli import main

sys.exit(main())
