"""Quality on real images with ground truth; the images are not part of the repository."""
