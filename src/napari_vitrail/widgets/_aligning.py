"""The moving image laid on the fixed one by a transform that the pairs tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from napari.layers import Image
from napari.utils.transforms import Affine
from numpy.typing import NDArray
from qtpy.QtWidgets import QDoubleSpinBox, QGridLayout, QLabel, QPushButton, QWidget

from napari_vitrail.alignment import LEAST_PAIRS, Alignment, AlignmentKind, fit_alignment
from napari_vitrail.pairs import SavedPairs
from napari_vitrail.progress import Progress, Steps
from napari_vitrail.widgets._beside import SideBySide
from napari_vitrail.widgets._form import allow, choice, wrapped
from napari_vitrail.widgets._matching import CHANGED, Matching, Subject
from napari_vitrail.widgets._verified import align_planes_steps, with_verified
from napari_vitrail.widgets._warped import warp_steps, write_warped

if TYPE_CHECKING:
    from napari_vitrail.matching import AlignedImages

_KINDS = {kind.replace("-", " ").capitalize(): kind for kind in LEAST_PAIRS}
_BENT = ("projective", "thin-plate")  # no layer's affine can show them
_KIND_HELP = (
    "What the moving image may do: the stiffest kind that fits is the best. Affine turns, scales and shears; "
    "a thin plate bends, and takes 30 pairs to do that well"
)
_ALIGN_HINT = (
    "Find how the moving image lies on the fixed one without a pair set by hand, whatever it is turned, and "
    "what pairs say so: some of them are added as proposed. Move layer and Warp then use all"
)
_FIT_HINT = (
    "Fit the transform to all pairs that are not rejected, and say how well it fits; outliers turn grey"
)
_MOVE_HINT = "Fit, and lay the moving image on the fixed one by its affine: no pixel is computed"
_WARP_HINT = (
    "Fit, and add the moving image as it looks in the frame of the fixed one, as a new layer; "
    "of a stack all planes, each when it is looked at"
)
_BACK_HINT = "Give the moving image the affine back that it had before it was moved"
_DOUBTFUL = "less than half of the pairs agree: choose another transform and fit, or set pairs by hand"


class Fitted(NamedTuple):
    """An alignment, and what it holds for."""

    pairs: SavedPairs
    kind: AlignmentKind
    threshold: float
    alignment: Alignment

    def is_of(self, pairs: SavedPairs, kind: AlignmentKind, threshold: float) -> bool:
        """Whether it holds for these pairs, to be fitted like that."""
        return self.pairs is pairs and (self.kind, self.threshold) == (kind, threshold)


class Aligning(QWidget):
    """Choose a kind of transform; find or fit it, move the layer by it, or warp the image.

    Parameters
    ----------
    matching : Matching
    beside : SideBySide
        Unticked when the image is moved.
    """

    def __init__(self, matching: Matching, beside: SideBySide) -> None:
        super().__init__()
        self._matching, self._beside = matching, beside
        self._fitted: Fitted | None = None
        self._before: tuple[Image, Affine] | None = None
        self._kind = choice("Transform", _KINDS.items(), "affine", _KIND_HELP)
        self._threshold = QDoubleSpinBox()
        self._align, self._fit, self._move, self._warp, self._back = (
            QPushButton(text) for text in ("Align images", "Fit", "Move layer", "Warp", "Put back")
        )
        self._says = QLabel()
        for button, then in (
            (self._fit, None),
            (self._move, self._move_layer),
            (self._warp, self._start_warp),
        ):
            button.clicked.connect(partial(self._on_clicked, then))
        self._align.clicked.connect(lambda: self._on_align_clicked())
        self._back.clicked.connect(self.put_back)
        self._kind.changed.connect(self._on_changed)
        matching.changed.connect(self._on_changed)
        self._lay_out()
        self._on_changed()

    def put_back(self) -> None:
        """Give the image that was moved its affine back."""
        if self._before is not None:
            image, affine = self._before
            self._before = None
            image.affine = affine
            self._on_changed()

    def _lay_out(self) -> None:
        self._threshold.setRange(0.1, 10_000)
        self._threshold.setDecimals(1)
        self._threshold.setValue(5)
        self._threshold.setPrefix("± ")
        self._threshold.setSuffix(" px")
        self._threshold.setToolTip(
            wrapped("A pair that is farther off, in pixels of the fixed image, is an outlier and left out")
        )
        self._says.setWordWrap(True)
        self._says.setToolTip("How well the transform fits, in pixels of the fixed image")
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._kind.native, 0, 0)
        layout.addWidget(self._threshold, 0, 1)
        layout.addWidget(self._align, 1, 0)
        layout.addWidget(self._fit, 1, 1)
        layout.addWidget(self._move, 2, 0)
        layout.addWidget(self._warp, 2, 1)
        layout.addWidget(self._back, 3, 0)
        layout.addWidget(self._says, 4, 0, 1, 2)
        for column in (0, 1):
            layout.setColumnStretch(column, 1)

    def _on_changed(self, _: Any = None) -> None:
        obstacle = self._obstacle()
        bent = f"no layer's affine can be {self._kind.value}: press Warp" if self._kind.value in _BENT else ""
        allow(self._align, _ALIGN_HINT, self._matching.obstacle())
        allow(self._fit, _FIT_HINT, obstacle)
        allow(self._move, _MOVE_HINT, bent or obstacle)
        allow(self._warp, _WARP_HINT, obstacle)
        allow(self._back, _BACK_HINT, "" if self._before is not None else "no image was moved")
        linked = self._matching.linked
        if self._fitted is not None and (linked is None or linked.pairs is not self._fitted.pairs):
            self._fitted = None
            self._says.clear()
            if linked is not None:
                linked.grey(())

    def _obstacle(self) -> str:
        """Return why nothing can be fitted, nothing if it can."""
        least, pairs = LEAST_PAIRS[self._kind.value], self._matching.pairs
        if pairs is None:
            return self._matching.pairs_obstacle()
        count = int(_counting(pairs).sum())
        if count < least:
            return f"{self._kind.current_choice.lower()} takes at least {least} pairs, there are {count}"
        return ""

    def _on_clicked(self, then: Callable[[Alignment], str] | None, _: bool = False) -> None:
        pairs = self._matching.pairs
        if (obstacle := self._obstacle()) or pairs is None:
            self._matching.job.refuse(obstacle)
            return
        kind, threshold = self._kind.value, self._threshold.value()
        known = self._fitted
        # Fit is asked again only by its own button: what was found of itself rests on more than these pairs.
        if then is not None and known is not None and known.is_of(pairs, kind, threshold):
            steps = _known_steps(known)
        else:
            steps = _fit_steps(pairs, kind, threshold)
        self._matching.job.run(steps, on_done=partial(self._on_fitted, then), title="Fitting")

    def _on_fitted(self, then: Callable[[Alignment], str] | None, fitted: Fitted) -> str:
        linked, pairs, alignment = self._matching.linked, fitted.pairs, fitted.alignment
        if linked is None or linked.pairs is not pairs:
            return "the pairs were changed meanwhile; fit again."
        if fitted is not self._fitted:
            self._show(fitted, pairs.ids[_counting(pairs)][~alignment.inliers].tolist())
        return "fitted." if then is None else then(alignment)

    def _on_align_clicked(self) -> None:
        if obstacle := self._matching.obstacle():
            self._matching.job.refuse(obstacle)
            return
        self._matching.link()
        subjects, kind, threshold = self._matching.subjects, self._kind.value, self._threshold.value()
        self._matching.job.run(
            align_planes_steps(
                [subject.plane for subject in subjects], self._matching.network, kind, threshold
            ),
            on_done=partial(self._on_aligned, subjects, kind, threshold),
            title="Aligning both images",
        )

    def _on_aligned(
        self, subjects: Sequence[Subject], kind: AlignmentKind, threshold: float, aligned: AlignedImages
    ) -> str:
        linked = self._matching.linked
        if linked is None or not self._matching.are_current(subjects):
            return CHANGED
        pairs, outliers = with_verified(linked.pairs, aligned, max(subjects[0].plane.sides), threshold)
        if pairs is not linked.pairs:
            linked.write(pairs)
        self._show(Fitted(pairs, kind, threshold, aligned.alignment), outliers)
        if not aligned.is_credible:
            return f"do not believe it, {_DOUBTFUL}."
        return f"{len(aligned.pairs)} pairs were found, spread ones of them are shown."

    def _show(self, fitted: Fitted, outliers: Sequence[int]) -> None:
        """Say how well an alignment fits, and grey the pairs with these ids, until pairs change."""
        self._fitted = fitted
        assert self._matching.linked is not None
        self._matching.linked.grey(outliers)
        self._says.setText(_spoken(fitted.alignment))

    def _move_layer(self, alignment: Alignment) -> str:
        fixed, moving = (subject.image for subject in self._matching.subjects)
        self._beside.give_back()
        affine = alignment.layer_affine(moving, fixed)
        if self._before is None or self._before[0] != moving:
            self._before = moving, moving.affine
        moving.affine = affine
        self._on_changed()
        return f"{moving.name} lies on {fixed.name}."

    def _start_warp(self, alignment: Alignment) -> str:
        subjects = self._matching.subjects
        fixed, moving = subjects
        self._matching.job.run(
            warp_steps(moving, alignment, fixed.plane.sides),
            on_done=partial(self._on_warped, fixed, moving),
            title=f"Warping {moving.image.name}",
        )
        return "fitted."

    def _on_warped(self, fixed: Subject, moving: Subject, warped: Any) -> str:
        layer = write_warped(self._matching.viewer, fixed, moving, warped)
        planes = "" if layer.ndim == 2 else ", all its planes, each when it is looked at"
        return f"{layer.name} lies on {fixed.plane.layer_name}{planes}."


def _counting(pairs: SavedPairs) -> NDArray[np.bool_]:
    """Return which pairs are fitted."""
    return np.array([status != "rejected" for status in pairs.status], bool)


def _fit_steps(pairs: SavedPairs, kind: AlignmentKind, threshold: float) -> Steps[Fitted]:
    """Yield Progress; return the alignment of the moving to the fixed image."""
    yield Progress(0, 1, "fitting")
    found = pairs.correspondences[_counting(pairs)]
    alignment = fit_alignment(found.points1, found.points0, kind, threshold=threshold)
    return Fitted(pairs, kind, threshold, alignment)


def _known_steps(fitted: Fitted) -> Steps[Fitted]:
    """Yield Progress; return what is known."""
    yield Progress(1, 1, "fitting")
    return fitted


def _spoken(alignment: Alignment) -> str:
    """Return in a line how well the pairs agree."""
    agreed = alignment.residuals[alignment.inliers]
    count, total = len(agreed), len(alignment.residuals)
    return (
        f"{count} of {total} pairs agree, and are {np.median(agreed):.1f} px off in the median, "
        f"{agreed.max():.1f} at most."
    )
