"""What napari shows: widgets and sample data; the only room that knows Qt and napari."""

from napari_vitrail.widgets._classifier import ClassifierWidget
from napari_vitrail.widgets._sample_data import histology_strokes

__all__ = ["ClassifierWidget", "histology_strokes"]
