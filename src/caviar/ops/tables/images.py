"""Images."""

from __future__ import annotations

from caviar.images.colours import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from caviar.images.filters import extract_patches, extract_patches_3d, gaussian_blur, sobel_edges, ssim
from caviar.images.resizing import crop_images, pad_images, resize, scale_and_translate
from caviar.images.warping import affine_transform, elastic_transform, map_coordinates, perspective_transform
from caviar.ops.words import Function, table_of

TABLE: dict[str, Function] = table_of(
    affine_transform, crop_images, elastic_transform, extract_patches, extract_patches_3d, gaussian_blur, hsv_to_rgb,
    map_coordinates, pad_images, perspective_transform, resize, rgb_to_grayscale, rgb_to_hsv, scale_and_translate, sobel_edges,
    ssim,
)  # fmt: skip
