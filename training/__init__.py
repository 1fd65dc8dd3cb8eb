"""Classifiers of variable stars: from labelled light curves to a model that `varstream` serves.

The network and its training follow Kim, Yeo, Bailer-Jones & Lee (2021, A&A 653, A22, arXiv:2106.00187),
UPSILoN-T; the equations and sections named in this package are that paper's. What differs from it is
said where it differs. Nothing here runs in the worker.

In Python: ``from training import Classifier, light_curve_features``, see ``docs/library.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.examples.data_frames import light_curve_features
    from training.library import Classifier

__all__ = ["Classifier", "light_curve_features"]


def __getattr__(name: str) -> Any:
    """Load the library when it is asked for: ``varstream-train evaluate`` runs without pandas and torch."""
    if name == "Classifier":
        from training.library import Classifier  # noqa: PLC0415

        return Classifier
    if name == "light_curve_features":
        from training.examples.data_frames import light_curve_features  # noqa: PLC0415

        return light_curve_features
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
