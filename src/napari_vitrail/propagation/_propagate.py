"""Labels of some frames, passed on through a stack or a movie."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, takewhile
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_vitrail.backbones import load_backbone
from napari_vitrail.grid import FeatureGrid, Grid
from napari_vitrail.progress import Progress, Steps, part_of, standing
from napari_vitrail.propagation._frame import PropagatedFrame
from napari_vitrail.propagation._given import GivenLabels, shares_of
from napari_vitrail.propagation._passing import CarriedFrame, Pass
from napari_vitrail.propagation._pixels import pixel_labels_steps
from napari_vitrail.propagation._quality import Quality
from napari_vitrail.propagation._seen import SeenFrame, SeenFrames, count_frames
from napari_vitrail.propagation._spec import PROPAGATION, PropagationSpec
from napari_vitrail.propagation._stretches import Direction, Stretch, checked_frames, stretches
from napari_vitrail.scratch import FiledArray, Scratch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.features import TokenStore
    from napari_vitrail.propagation._given import Given
    from napari_vitrail.propagation._seen import Stack

    Known = Mapping[int, PropagatedFrame]


def propagate_labels(
    stack: Stack, labels: Given, spec: PropagationSpec = PROPAGATION, *,
    frames: range | None = None, direction: Direction = "both",
    backbone: Backbone | None = None, device: str = "auto", store: TokenStore | None = None,
) -> NDArray[np.integer]:  # fmt: skip
    """Label a whole stack or movie by a few labelled frames.

    Parameters
    ----------
    stack : (T, H, W) or (T, H, W, 3) array, or sequence of images
        Slices or frames of one size, read one at a time: numpy, dask, zarr, or anything with a length whose
        items are images.
    labels : mapping of int to (H, W) int array, or (T, H, W) int array
        By frames, of which a labelled one may be empty: nothing is there. In an array, frames without any
        label are not labelled.
    spec : PropagationSpec
    frames : range, optional
        Which frames are wanted; else all.
    direction : {"both", "forward", "backward"}
        Whether labels go both ways from each labelled frame, or only to later or to earlier ones.
    backbone : Backbone, optional
        A loaded one; else the one that the spec names.
    device : {"auto", "cuda", "mps", "cpu"}
    store : FeatureStore, optional
        Where features are looked up and kept.

    Returns
    -------
    labels : (T, H, W) int array
        With the ids that were given, in a type that holds them all. Labelled frames are as they were; 0
        where a frame is not wanted, or no labels reach it.

    Raises
    ------
    ValueError
        If no frame is labelled, labels are of another size than the frames or no ids, frames differ in size,
        or `frames` reaches beyond the stack.
    BackboneUnavailable
        If no source has the backbone's weights.
    ComputeError
        If what does not fit into memory cannot be written to the folder of caches.

    References
    ----------
    Caron et al. (2021), evaluation on DAVIS; Amir et al. (2021), appendix B; see
    docs/explanation/propagation.md for what differs.
    """
    steps = propagate_labels_steps(
        stack, labels, spec, frames=frames, direction=direction, backbone=backbone, device=device, store=store
    )
    found = (progress.so_far for progress in steps if progress.so_far is not None)
    first: PropagatedFrame = next(found)
    result = np.zeros((count_frames(stack), *first.labels.shape), first.labels.dtype)
    for frame in chain([first], found):
        result[frame.index] = frame.labels
    return result


def propagate_labels_steps(
    stack: Stack, labels: Given, spec: PropagationSpec = PROPAGATION, *,
    frames: range | None = None, direction: Direction = "both",
    backbone: Backbone | None = None, device: str = "auto", store: TokenStore | None = None,
    known: Known | None = None,
) -> Steps[None]:  # fmt: skip
    """Yield Progress, whose ``so_far`` is each `PropagatedFrame` once, as soon as it is finished.

    Nothing of them is kept here, so that memory does not grow with the stack. Labelled frames come first,
    then the stretches between them in their order; the frames of a stretch that depends on a later labelled
    frame alone come from there backwards.

    Parameters
    ----------
    stack, labels, spec, frames, direction, backbone, device, store
        As in `propagate_labels`.
    known : mapping of int to PropagatedFrame, optional
        Of an earlier run on this stack. What depends on the same labels is taken from there, not computed;
        so after a correction only the frames up to the next labelled ones are.
    """
    count = count_frames(stack)
    given = GivenLabels.of(labels, count)
    wanted = checked_frames(frames, direction, count)
    backbone = backbone or load_backbone(spec.descriptor.backbone, device=device)
    seen = SeenFrames(stack, spec, backbone, store)
    run = _Run(seen, given, spec, {} if known is None else known)
    yield from run.steps(wanted, direction)


@dataclass
class _Run:
    """One run through a stack."""

    seen: SeenFrames
    given: GivenLabels
    spec: PropagationSpec
    known: Known
    _done: int = 0
    _total: int = 0

    def steps(self, wanted: range, direction: Direction) -> Steps[None]:
        """Yield Progress, and each frame once."""
        todo = list(stretches(self.given.indices, wanted, direction))
        labelled = [index for index in self.given.indices if index in wanted]
        if not todo and not labelled:
            raise ValueError(
                f"frames must be such that labels reach them; labels of {self.given.indices} reach none of "
                f"{wanted} with direction {direction!r}"
            )
        self._total = len(labelled) + sum(len(own.forward) + len(own.backward) for own in todo)
        for index in labelled:
            yield self._counted(self._given_frame(index))
        for stretch in todo:
            ends = _Ends.of(stretch, self.given, self.seen)
            if stretch.before is None or stretch.after is None:
                yield from self._one_way_steps(stretch, ends)
            else:
                yield from self._both_ways_steps(stretch, ends)

    def _given_frame(self, index: int) -> PropagatedFrame:
        labels = self.given.frame(index, self.seen.shape)
        ids, grid = _ids([labels], self.spec), _one_cell(labels.shape)
        key = hashlib.sha256(self.given.digests[index].encode()).hexdigest()
        still = np.zeros((1, 1, 2), np.float32)
        return PropagatedFrame(index, labels, ids, shares_of(labels, ids, grid), grid, (index,), key, still)

    def _one_way_steps(self, stretch: Stretch, ends: _Ends) -> Steps[None]:
        """Yield the frames on the way from a labelled one, beginning after those that are known."""
        way = stretch.forward or stretch.backward
        known = list(takewhile(partial(self._is_known, ends), way))
        for index in known:
            yield self._counted(self.known[index] if index in stretch.wanted else None)
        if len(known) == len(way):
            return
        carrying = yield from self._pass_steps(stretch.sources[0], ends, known)
        quality = Quality(carrying.source, ends.ids, self.spec)
        for index in way[len(known) :]:
            carried = carrying.step((yield from self._see_steps(index)))
            if index in stretch.wanted:
                labelled = self._labelled_steps(carried, carrying.moved, quality.of(carried), ends)
                yield self._counted((yield from labelled))
            else:
                yield self._counted(None)

    def _both_ways_steps(self, stretch: Stretch, ends: _Ends) -> Steps[None]:
        """Yield the frames between two labelled ones, each a blend of what comes from either."""
        assert stretch.before is not None
        assert stretch.after is not None
        if all(self._is_known(ends, index) for index in stretch.wanted):
            self._done += len(stretch.backward) + len(stretch.forward) - len(stretch.wanted)
            for index in stretch.wanted:
                yield self._counted(self.known[index])
            return
        scratch, waiting = Scratch(), dict[int, FiledArray]()
        carrying = yield from self._pass_steps(stretch.after, ends)
        quality_after = Quality(carrying.source, ends.ids, self.spec)
        for index in stretch.backward:
            carried = carrying.step((yield from self._see_steps(index)))
            if index in stretch.wanted:
                waiting[index] = scratch.put(carried.values)
            yield self._counted(None)
        carrying = yield from self._pass_steps(stretch.before, ends)
        quality_before = Quality(carrying.source, ends.ids, self.spec)
        for index in stretch.forward:
            carried = carrying.step((yield from self._see_steps(index)))
            if index not in stretch.wanted:
                yield self._counted(None)
                continue
            weight = stretch.weight_of_before(index)
            values = np.float32(weight) * carried.values + np.float32(1 - weight) * waiting.pop(index).read()
            blended = CarriedFrame(carried.frame, values.astype(np.float16))
            quality = weight * quality_before.of(blended) + (1 - weight) * quality_after.of(blended)
            labelled = self._labelled_steps(blended, carrying.moved, quality, ends)
            yield self._counted((yield from labelled))

    def _pass_steps(self, source: int, ends: _Ends, known: Sequence[int] = ()) -> Steps[Pass]:
        """Yield Progress; return a pass that starts from a labelled frame, and has come past known ones."""
        labels = self.given.frame(source, self.seen.shape)
        first = yield from self._see_again_steps(source)
        shares = shares_of(labels, ends.ids, first.grid, self.spec.seed)
        passed: list[CarriedFrame] = []
        for index in reversed(known):
            if len(passed) == max(self.spec.n_context, 1):
                break
            frame = yield from self._see_again_steps(index)
            if not frame.is_blank:  # which nobody asks, see `Pass.step`
                passed.insert(0, CarriedFrame(frame, self.known[index].shares))
        moved = FeatureGrid(self.known[known[-1]].moved, first.voting_grid) if known else None
        return Pass(CarriedFrame(first, shares), self.spec, passed, moved)

    def _labelled_steps(
        self, carried: CarriedFrame, moved: FeatureGrid, quality: float, ends: _Ends
    ) -> Steps[PropagatedFrame]:
        """Yield Progress; return a frame with labels on its pixels."""
        frame, shares = carried.frame, carried.values
        picture = self.seen.picture(frame.index)
        half = part_of(pixel_labels_steps(shares, frame.grid, ends.ids, picture, self.spec), 1, 2)
        labels = (yield from part_of(half, self._done, self._total)).astype(self.given.dtype)
        return PropagatedFrame(
            frame.index, labels, ends.ids, shares, frame.grid, ends.sources, ends.key, moved.values, quality
        )

    def _see_steps(self, index: int) -> Steps[SeenFrame]:
        """Yield Progress through the first half of a frame's turn; return it as the ViT sees it."""
        half = part_of(self.seen.see_steps(index), 0, 2)
        return (yield from part_of(half, self._done, self._total))

    def _see_again_steps(self, index: int) -> Steps[SeenFrame]:
        """Yield Progress that stands still; return a frame whose turn it is not."""
        return (yield from standing(self.seen.see_steps(index), self._done, self._total))

    def _is_known(self, ends: _Ends, index: int) -> bool:
        return index in self.known and self.known[index].key == ends.key

    def _counted(self, frame: PropagatedFrame | None) -> Progress:
        """Return the progress after one more frame was passed, with its labels where they are wanted."""
        self._done += 1
        return Progress(self._done, self._total, "frames", so_far=frame)


class _Ends(NamedTuple):
    """What the frames of a stretch have in common."""

    ids: tuple[int, ...]
    sources: tuple[int, ...]
    key: str

    @classmethod
    def of(cls, stretch: Stretch, given: GivenLabels, seen: SeenFrames) -> _Ends:
        ids = _ids([given.frame(index, seen.shape) for index in stretch.sources], seen.spec)
        weights = seen.backbone.info.weights
        named = [seen.spec.digest, "" if weights is None else weights.digest]
        named += [f"{index} {given.digests[index]}" for index in stretch.sources]
        return cls(ids, stretch.sources, hashlib.sha256("\n".join(named).encode()).hexdigest())


def _ids(labels: Sequence[NDArray[np.integer]], spec: PropagationSpec) -> tuple[int, ...]:
    """Return the ids that are passed on, ascending; 0 among them where it is background."""
    found = np.unique(np.concatenate([np.unique(own) for own in labels])).tolist()
    named = [own for own in found if own]
    return tuple([0, *named] if spec.mode == "dense" else named)


def _one_cell(shape: tuple[int, ...]) -> Grid:
    """Return a grid of one cell, which is a whole frame."""
    height, width = shape[:2]
    return Grid((1, 1), ((height - 1) / 2, (width - 1) / 2), (float(height), float(width)))
