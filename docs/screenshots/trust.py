"""Make ``docs/images/trust.png``: assess the strokes of the sample and show one of the views.

``xvfb-run -a -s "-screen 0 1600x1000x24" python -m docs.screenshots.trust``
"""

from __future__ import annotations

import argparse
from pathlib import Path

from qtpy.QtWidgets import QComboBox, QTabWidget

from docs.screenshots.window import IMAGES, open_viewer, press, save, says, wait, wait_until


def main() -> None:
    """Open the sample, segment it, assess the strokes and save what the window shows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, default=IMAGES / "trust.png")
    parser.add_argument("--theme", default="dark")
    parser.add_argument("--view", default="Confusion", help="of the page")
    options = parser.parse_args()
    viewer, widget = open_viewer("Paint to segment", options.theme)
    viewer.open_sample("napari-vitrail", "histology")
    press(widget, "Segment")
    wait_until(lambda: says(widget, "Done in"))
    pages = widget.findChild(QTabWidget)
    pages.setCurrentIndex([pages.tabText(index) for index in range(pages.count())].index("Trust"))
    press(widget, "Assess")
    wait_until(lambda: says(widget, "held out."))
    if options.view == "Comparison":
        press(widget, "Compare")
        wait_until(lambda: not widget._bench.job.is_busy)
    if options.view == "Feature groups":
        press(widget, "Train without")
        wait_until(lambda: not widget._bench.job.is_busy)
    views = next(own for own in widget.findChildren(QComboBox) if own.findText("Confusion") >= 0)
    views.setCurrentText(options.view)
    viewer.reset_view()
    wait(500)
    save(viewer, options.target)
    viewer.close()


if __name__ == "__main__":
    main()
