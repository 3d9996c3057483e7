"""What napari shows: widgets and sample data; the only room that knows Qt and napari."""

import lazy_loader

# Opening a sample must not wait for torch, which the widgets load.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "_classifier": ["ClassifierWidget"],
        "_common_parts": ["CommonPartsWidget"],
        "_features": ["FeaturesWidget"],
        "_files": ["project_reader", "write_project"],
        "_find_objects": ["FindObjectsWidget"],
        "_match": ["MatchWidget"],
        "_propagate": ["PropagateWidget"],
        "_sample_data": ["coffee_strokes", "coins_strokes", "histology_strokes"],
    },
)
