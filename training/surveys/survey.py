"""A survey: one set of labelled light curves, and what its labels mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.model.verdict import OTHER


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """One set of labelled light curves.

    Attributes
    ----------
    labels : mapping of str to str
        Native label to class, or classes joined by ``|``.
    outliers : mapping of str to str
        Native label of what is in no class to its kind, one of `training.surveys.classes.OUTLIERS`.
    references : tuple of str
        Papers to cite.
    label_key : str
        Column of the native labels.
    link : str or None
        Column that names the same star in another survey.
    band_suffix : str or None
        Regular expression of what ends the names of the bands of one star.
    filters : mapping of str to str
        Filter by that suffix, or by the value of `filter_key`, where the column ``band`` does not name it.
    filter_key : str or None
        Column that tells the filter.
    stream : str or None
        Alert stream whose light curves these are; they are never shown as another survey sees them.
    difference : bool
        Whether magnitudes are of the flux above a reference image: a transient's own light, not a star's.
        Such light curves are in no class, and are never shown as another survey sees them.
    training : bool
        Whether the shipped model is trained on it; otherwise the whole set is left for testing.
    """

    labels: Mapping[str, str]
    references: tuple[str, ...]
    outliers: Mapping[str, str] = field(default_factory=dict)
    label_key: str = "native_class"
    link: str | None = None
    band_suffix: str | None = None
    filters: Mapping[str, str] = field(default_factory=dict)
    filter_key: str | None = None
    stream: str | None = None
    difference: bool = False
    training: bool = True

    @property
    def label_map(self) -> dict[str, str]:
        """What every native label means: a class, several, or `OTHER`."""
        return {**self.labels, **dict.fromkeys(self.outliers, OTHER)}
