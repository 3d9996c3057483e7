"""Image files matched with one reference: pairs, pictures, alignments and warped images beside each other."""

from napari_vitrail.matchfiles._files import FileMatched, Reference, match_files_steps, reference_steps
from napari_vitrail.matchfiles._picture import pairs_picture
from napari_vitrail.matchfiles._reading import MatchReading
from napari_vitrail.matchfiles._summary import Summary, summary_lines
from napari_vitrail.matchfiles._wanted import MatchWanted, PairsFormat, check_outputs

__all__ = [
    "FileMatched",
    "MatchReading",
    "MatchWanted",
    "PairsFormat",
    "Reference",
    "Summary",
    "check_outputs",
    "match_files_steps",
    "pairs_picture",
    "reference_steps",
    "summary_lines",
]
