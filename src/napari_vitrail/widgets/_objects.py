"""Objects of a segmentation: found, measured, and written as a table."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from magicgui.widgets import CheckBox
from napari.layers import Labels
from napari.utils.notifications import show_error, show_info
from numpy.typing import NDArray
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QPushButton, QSpinBox, QWidget

from napari_vitrail.progress import Progress, Steps
from napari_vitrail.widgets._class_menu import ClassMenu
from napari_vitrail.widgets._dialogs import TABLE, ask_path
from napari_vitrail.widgets._form import wrapped
from napari_vitrail.widgets._layers import OBJECTS, class_names, empty, mark, place, written, written_at
from napari_vitrail.widgets._planes import ImagePlane
from napari_vitrail.widgets._timer import timer
from napari_vitrail.widgets._workbench import Workbench

if TYPE_CHECKING:
    from napari_vitrail.measurements import Table

Found = tuple[NDArray[np.int32], "Table"]
"""Numbered objects of a plane, and their measurements."""

LOOK_MS = 300
"""After the last change, until the classes of the segmentation are looked for anew."""
_FEWEST_PIXELS = 10
_SIZE_HELP = "Objects of fewer pixels are left out"
_SPLIT_HELP = "Cut objects that touch apart at their necks"
_TABLE = ("napari", "Features table widget")
_HELP = {
    "Find objects": "Number the objects of the chosen classes in the plane in view, and measure them",
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
        self._size = QSpinBox()
        self._size.setRange(0, 99_999)
        self._size.setValue(_FEWEST_PIXELS)
        self._size.setSuffix(" px")
        self._size.setMinimumWidth(56)  # gives way in a narrow dock
        self._size.setToolTip(_SIZE_HELP)
        self._split = CheckBox(text="Split touching", value=True, tooltip=_SPLIT_HELP)
        self._buttons = {name: QPushButton(name) for name in _HELP}
        self._buttons["Find objects"].clicked.connect(self._on_find_clicked)
        self._buttons["Table"].clicked.connect(self._on_table_clicked)
        self._buttons["Save CSV..."].clicked.connect(self._on_save_clicked)
        self._soon = timer(self, LOOK_MS, self._classes.show_classes)
        for signal in (bench.changed, bench.shown):
            signal.connect(self._allow)
            signal.connect(self._soon.start)
        self._lay_out()
        self._allow()

    def _lay_out(self) -> None:
        label, size_label, sizes = QLabel("Objects of"), QLabel("At least"), QHBoxLayout()
        label.setToolTip(self._classes.toolTip())
        size_label.setToolTip(_SIZE_HELP)
        sizes.addWidget(self._size, 1)
        sizes.addWidget(self._split.native)
        buttons = QHBoxLayout()
        for name in ("Table", "Save CSV..."):
            buttons.addWidget(self._buttons[name], 1)
        rows = QFormLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addRow(label, self._classes)
        rows.addRow(size_label, sizes)
        rows.addRow(self._buttons["Find objects"])
        rows.addRow(buttons)

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

    def _allow(self) -> None:
        obstacle = self._obstacle()
        nothing = "" if self._found() is not None else "find objects first"
        for name, hint in _HELP.items():
            reason = obstacle if name == "Find objects" else nothing
            self._buttons[name].setEnabled(not reason)
            self._buttons[name].setToolTip(wrapped(f"Not yet: {reason}" if reason else hint))

    def _on_find_clicked(self) -> None:
        obstacle, result = self._obstacle(), self._bench.result()
        self._classes.show_classes()
        chosen = self._classes.chosen
        if not obstacle and not chosen:
            obstacle = "choose a class whose objects are wanted"
        if obstacle or result is None:
            self._bench.job.refuse(obstacle)
            return
        plane = self._bench.plane()
        steps = objects_steps(
            plane, np.array(result.data[plane.index]), chosen, class_names(result),
            min_size=self._size.value(), split=self._split.value, calibration=calibration(result, plane),
        )  # fmt: skip
        self._bench.job.run(
            steps, on_done=partial(self._on_done, plane), title=f"Finding objects in {plane.layer_name}"
        )

    def _on_done(self, plane: ImagePlane, found: Found) -> str:
        instances, table = found
        write_objects(self._bench, plane, instances, table)
        self._allow()
        return self._bench.report(plane, f"{len(table['index'])} objects.")

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


def objects_steps(
    plane: ImagePlane,
    segmentation: NDArray[np.integer],
    class_ids: list[int],
    names: dict[int, str],
    *,
    min_size: int,
    split: bool,
    calibration: tuple[tuple[float, ...], str] | None,
) -> Steps[Found]:
    """Yield Progress; return the objects of a plane of a segmentation, and their measurements."""
    from napari_vitrail.image import main_of
    from napari_vitrail.instances import find_instances_steps
    from napari_vitrail.measurements import measure

    instances = yield from find_instances_steps(segmentation, class_ids, min_size=min_size, split=split)
    yield Progress(0, 1, "measuring")
    spacing, unit = calibration or (None, "um")
    names = {class_id: names.get(class_id, f"class {class_id}") for class_id in class_ids}
    table = measure(
        instances, segmentation=segmentation, class_names=names, image=main_of(plane.read()),
        spacing=spacing, unit=unit,
    )  # fmt: skip
    return instances, table


def calibration(layer: Labels, plane: ImagePlane) -> tuple[tuple[float, ...], str] | None:
    """Return the size of a pixel of a plane and its unit; None where the layer is in pixels."""
    axes = [axis for axis, at in enumerate(plane.index) if isinstance(at, slice)]
    spacing = tuple(abs(float(layer.scale[axis])) for axis in axes)
    units = {f"{layer.units[axis]:~}".replace("µ", "u") for axis in axes}
    unit = units.pop() if len(units) == 1 else ""
    if unit.isalpha() and unit not in ("pixel", "px", "pix"):
        return spacing, unit
    return None if set(spacing) == {1.0} else (spacing, "world")


def write_objects(bench: Workbench, plane: ImagePlane, instances: NDArray[np.int32], table: Table) -> Labels:
    """Write objects and their measurements into the layer that earlier runs have made, or a new one.

    Other planes of it are emptied: the table is of one plane.
    """
    viewer = bench.viewer
    data = empty(plane.shape, np.dtype(np.int32), plane.is_lazy)
    data[plane.index] = instances
    if (found := written_at(viewer.layers, plane, OBJECTS)) is not None:
        found.data, found.features, found.visible = data, table, True
        place(found, plane)
        return found
    layer = Labels(
        data,
        name=f"{plane.layer_name} {OBJECTS}",
        metadata=mark(plane.layer_name, OBJECTS),
        features=table,
        **plane.to_world,
    )
    selected = viewer.layers.selection.active
    viewer.add_layer(layer)
    viewer.layers.selection.active = selected
    return layer


def save_table(path: str, table: Table) -> None:
    """Write a table and say so, or say why it cannot be written."""
    from napari_vitrail.measurements import write_csv

    try:
        write_csv(path, table)
    except OSError as error:
        show_error(str(error))
    else:
        show_info(f"The measurements are saved as {path}")
