"""Model card: what a manifest says, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from schemas.model.manifest import Manifest
from training.report.rendering import render
from training.surveys.classes import NON_VARIABLE, QUASAR

CARD_FILE = "README.md"


def write_card(folder: Path, manifest: Manifest) -> None:
    """Write ``README.md`` beside the model, from its manifest alone."""
    (folder / CARD_FILE).write_text(card(manifest), encoding="utf-8")


def card(manifest: Manifest) -> str:
    """Return the model card as Markdown."""
    return render(
        "model_card.md.jinja",
        model=manifest,
        lengths=list(manifest.metrics["calibration"]),
        code=what_made_it(manifest.training),
        pretraining=what_was_known(manifest.training),
        imitated=_imitated(manifest.training["recipe"]["sampling"], manifest.classes),
        has_binaries=any(name.startswith("EB") for name in manifest.classes),
    )


def what_made_it(training: Mapping[str, Any]) -> str:
    """Say which version and commit of the code made a model; '' where its manifest does not tell.

    Parameters
    ----------
    training : mapping
        Of the manifest.
    """
    return render("code_version.md.jinja", training=training)


def what_was_known(training: Mapping[str, Any]) -> str:
    """Say what the pretrained network knew of the stars that a model is measured on; '' for nothing.

    Parameters
    ----------
    training : mapping
        Of the manifest.
    """
    return render("pretraining.md.jinja", training=training)


def _imitated(sampling: Mapping[str, Any], classes: Sequence[str]) -> list[str]:
    """Kinds of stars that were made up to learn from."""
    non_variables = NON_VARIABLE in classes and (sampling["shuffled"] or sampling["constant"])
    quasars = QUASAR in classes and sampling["damped_walk"]
    return [name for name, made_up in (("non-variables", non_variables), ("quasars", quasars)) if made_up]
