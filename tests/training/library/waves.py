"""Light curves that are given as arrays."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def noisy_waves(
    rng: np.random.Generator, n_stars: int, n_epochs: int = 60
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Light curves of sines of one period a star, within a year."""
    for _ in range(n_stars):
        time = np.sort(rng.uniform(0.0, 400.0, n_epochs))
        mag = 15.0 + 0.4 * np.sin(2 * np.pi * time / rng.uniform(0.3, 0.9)) + rng.normal(0.0, 0.02, n_epochs)
        yield time, mag, np.full(n_epochs, 0.02)
