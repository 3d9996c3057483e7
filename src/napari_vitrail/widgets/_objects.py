"""Objects of a segmentation: found, measured, and written as a table."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from magicgui.widgets import CheckBox
from napari.layers import Labels
from napari.utils.notifications import show_error, show_info
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QPushButton, QSpinBox, QWidget

from napari_vitrail.widgets._class_menu import ClassMenu
from napari_vitrail.widgets._dialogs import TABLE, ask_path
from napari_vitrail.widgets._extents import (
    EXTENTS,
    PLANE,
    VOLUME,
    Part,
    depth_axis,
    memory_obstacle,
    parts_of,
)
from napari_vitrail.widgets._finding import (
    Found,
    Search,
    calibration_of,
    is_out_of_date,
    objects_steps,
    write_objects,
)
from napari_vitrail.widgets._form import allow, choice, label_of, wrapped
from napari_vitrail.widgets._image_plane import ImagePlane
from napari_vitrail.widgets._layers import OBJECTS, class_names, written
from napari_vitrail.widgets._packed import finest
from napari_vitrail.widgets._planes import all_planes
from napari_vitrail.widgets._timer import timer
from napari_vitrail.widgets._workbench import Workbench

if TYPE_CHECKING:
    from napari_vitrail.measurements import Table

LOOK_MS = 300
"""After the last change, until the segmentation is looked at anew."""
_FEWEST_PIXELS = 10
_MIN_PIXELS, _MIN_VOXELS = "Min. pixels", "Min. voxels"
_SIZE_HELP = "Objects of fewer pixels are left out; of volumes, of fewer voxels"
_SPLIT_HELP = "Cut objects that touch apart at their necks"
_EXTENT_HELP = (
    "Which planes are looked at: the one in view, all that are parallel to it, or volumes of them, in which "
    "an object goes through planes. A volume is deep along the axis labelled z, or else the last that is out "
    "of view and not labelled t; each time point is a volume of its own"
)
_OUT_OF_DATE = "Out of date: this plane was segmented anew since the objects were found."
_TABLE = ("napari", "Features table widget")
_HELP = {
    "Find objects": "Number the objects of the chosen classes, and measure them",
    "Table": "Show the measurements in napari's table of features",
    "Save CSV...": "Write the measurements to a file of comma-separated values",
}


class Objects(QWidget):
    """A choice of classes and sizes, a button that finds their objects, and two for the measurements.

    Parameters
    ----------
    bench : Workbench
    """

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self._bench = bench
        self._classes = ClassMenu(bench)
        self._extent = choice("In", EXTENTS.items(), PLANE, _EXTENT_HELP)
        self._note = QLabel(_OUT_OF_DATE)
        self._note.setWordWrap(True)
        self._note.setToolTip("Press Find objects for those of the segmentation as it is now")
        self._size = QSpinBox()
        self._size.setRange(0, 99_999)
        self._size.setValue(_FEWEST_PIXELS)
        self._size_label = QLabel(_MIN_PIXELS)
        self._extent.changed.connect(
            lambda extent: self._size_label.setText(_MIN_VOXELS if extent == VOLUME else _MIN_PIXELS)
        )
        for part in (self._size, self._size_label):
            part.setToolTip(wrapped(_SIZE_HELP))
        self._split = CheckBox(text="Split touching", value=True, tooltip=_SPLIT_HELP)
        self._buttons = {name: QPushButton(name) for name in _HELP}
        self._buttons["Find objects"].clicked.connect(self._on_find_clicked)
        self._buttons["Table"].clicked.connect(self._on_table_clicked)
        self._buttons["Save CSV..."].clicked.connect(self._on_save_clicked)
        self._soon = timer(self, LOOK_MS, self._look)
        for signal in (bench.changed, bench.shown):
            signal.connect(self._allow)
            signal.connect(self._soon.start)
        self._lay_out()
        self._note.hide()
        self._allow()

    def _lay_out(self) -> None:
        label = QLabel("Objects of")
        label.setToolTip(self._classes.toolTip())
        buttons = QHBoxLayout()
        for name in ("Table", "Save CSV..."):
            buttons.addWidget(self._buttons[name], 1)
        rows = QFormLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addRow(label, self._classes)
        rows.addRow(label_of(self._extent), self._extent.native)
        rows.addRow(self._size_label, self._size)
        rows.addRow("", self._split.native)
        rows.addRow(self._buttons["Find objects"])
        rows.addRow(buttons)
        rows.addRow(self._note)

    def _obstacle(self) -> str:
        """Return why no objects can be found, nothing if they can."""
        obstacle = self._bench.image_obstacle()
        if not obstacle and self._bench.result() is None:
            return "there is no segmentation: press Segment"
        return obstacle

    def _found(self) -> Labels | None:
        """Return the layer of the objects of the chosen image, if there is one."""
        image = self._bench.layers.image
        layers = [] if image is None else written(self._bench.viewer.layers, image.name, OBJECTS)
        return layers[-1] if layers else None

    def _look(self) -> None:
        """Say which classes there are now, and whether the objects are of another segmentation."""
        self._classes.show_classes()
        found, result = self._found(), self._bench.result()
        known = found is not None and result is not None and not self._bench.image_obstacle()
        self._note.setVisible(known and is_out_of_date(found, result, self._bench.plane()))

    def _allow(self) -> None:
        obstacle = self._obstacle()
        nothing = "" if self._found() is not None else "find objects first"
        for name, hint in _HELP.items():
            reason = obstacle if name == "Find objects" else nothing
            allow(self._buttons[name], hint, reason)

    def _on_find_clicked(self) -> None:
        obstacle, result = self._obstacle(), self._bench.result()
        self._classes.show_classes()
        extent = self._extent.value
        if not obstacle and extent == PLANE and not self._classes.chosen:
            obstacle = "choose a class whose objects are wanted"
        obstacle = obstacle or self._extent_obstacle(extent)
        if obstacle or result is None:
            self._bench.job.refuse(obstacle)
            return
        plane, parts = self._bench.plane(), self._parts(extent)
        search = Search(
            self._classes.is_wanted, class_names(result), self._size.value(), bool(self._split.value)
        )
        self._bench.job.run(
            objects_steps(parts, finest(result), search, calibration_of(result, parts[0].index)),
            on_done=partial(self._on_done, plane, parts),
            title=f"Finding objects in {plane.layer_name}",
        )

    def _extent_obstacle(self, extent: str) -> str:
        """Return why objects cannot be found in more than the plane in view, nothing if they can."""
        if extent == PLANE:
            return ""
        plane = self._bench.plane()
        if plane.block is not None:
            return "planes of this size are looked at in parts: choose the plane in view"
        if extent != VOLUME:
            return ""
        depth = depth_axis(plane)
        if depth is None:
            return "there are no planes that make a volume; axes that are labelled t are time"
        return memory_obstacle(plane, depth)

    def _parts(self, extent: str) -> list[Part]:
        if extent == PLANE:
            return parts_of([self._bench.plane()])
        layers = self._bench.layers
        planes = all_planes(layers.image, self._bench.viewer.dims, layers.channels)
        return parts_of(planes, depth=depth_axis(planes[0]) if extent == VOLUME else None)

    def _on_done(self, plane: ImagePlane, parts: list[Part], found: Found) -> str:
        write_objects(self._bench, plane, found)
        self._allow()
        self._look()
        kind = "planes" if parts[0].depth is None else "volumes"
        where = f" in {len(parts)} {kind}" if len(parts) > 1 else ""
        if plane.block is not None:
            where = ", cut at the edge of the part in view"
        return self._bench.report(plane, f"{len(found.table['index'])} objects{where}.")

    def _on_table_clicked(self) -> None:
        layer = self._found()
        if layer is not None:
            self._bench.viewer.layers.selection.active = layer
            self._bench.viewer.window.add_plugin_dock_widget(*_TABLE)

    def _on_save_clicked(self) -> None:
        layer = self._found()
        path = "" if layer is None else ask_path(self, "Save measurements", TABLE, f"{layer.name}.csv")
        if layer is not None and path:
            save_table(path, {name: layer.features[name].to_numpy() for name in layer.features})


def save_table(path: str, table: Table) -> None:
    """Write a table and say so, or say why it cannot be written."""
    from napari_vitrail.measurements import write_csv

    try:
        write_csv(path, table)
    except OSError as error:
        show_error(str(error))
    else:
        show_info(f"The measurements are saved as {path}")
