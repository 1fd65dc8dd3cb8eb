"""The scale of the paper's experiments: all of them, or as much as shows that it works."""

from __future__ import annotations

from dataclasses import dataclass

from training.errors import SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How many repeats of how many training epochs on how many stars.

    Attributes
    ----------
    repeats, training_epochs : int
        Of every cell (section 3.3.2, steps 3 and 5).
    fig7_fractions : tuple of float
        Shares of the training stars that models are transferred with.
    table3_stars : int or None
        Stars that the networks of sections 3.3 to 3.5 learn from, validation included; None for all.
    large_repeats, large_training_epochs : int
        Of the two largest architectures of Table 3: one repeat of the largest costs as much as all
        repeats of the chosen one.
    forest_repeats : int
        Of Random Forest and boosting.
    shap_stars, shap_background : int
        Stars whose answers are explained, and stars they are compared with (Fig. 6).
    random_curves : int
        Purely random light curves (section 3.3.3).
    shuffled_curves : int or None
        Shuffled light curves; None for one of every star.
    duration_stars : int or None
        Test stars that are resampled (Fig. 12); None for all.
    recipe_repeats : int
        Fresh splits for our own recipe.
    bands_stars_per_label, outliers_stars_per_label : int
        Stars of a label and survey that are shown to streams in all bands; and that get outliers.
    """

    repeats: int = 30
    training_epochs: int = 500
    fig7_fractions: tuple[float, ...] = (0.03, 0.05, 0.1, 0.15, 0.2, 0.5, 1.0)
    table3_stars: int | None = 8000
    large_repeats: int = 5
    large_training_epochs: int = 100
    forest_repeats: int = 10
    shap_stars: int = 1000
    shap_background: int = 100
    random_curves: int = 1000
    shuffled_curves: int | None = None
    duration_stars: int | None = None
    recipe_repeats: int = 10
    bands_stars_per_label: int = 100
    outliers_stars_per_label: int = 50

    def __post_init__(self) -> None:
        for name in ("repeats", "large_repeats", "forest_repeats", "recipe_repeats"):
            if getattr(self, name) < 2:
                raise SettingsError(
                    f"{name} must be at least 2, or there is no standard error, got {getattr(self, name)}"
                )
        if not all(0.0 < fraction <= 1.0 for fraction in self.fig7_fractions):
            raise SettingsError(f"fig7_fractions must be shares from 0 to 1, got {self.fig7_fractions}")

    @classmethod
    def paper(cls) -> Scale:
        """Return the paper's numbers, but for Table 3's two largest networks and its number of stars."""
        return cls()

    @classmethod
    def quick(cls) -> Scale:
        """Return a scale at which everything is computed within minutes and nothing is settled."""
        return cls(
            repeats=3,
            training_epochs=20,
            fig7_fractions=(0.1, 1.0),
            table3_stars=2000,
            large_repeats=2,
            large_training_epochs=2,
            forest_repeats=2,
            shap_stars=200,
            shap_background=50,
            random_curves=200,
            shuffled_curves=300,
            duration_stars=150,
            recipe_repeats=2,
            bands_stars_per_label=12,
            outliers_stars_per_label=10,
        )
