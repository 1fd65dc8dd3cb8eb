"""The command that estimates the priors of a stream's classes, and prints them as settings of the worker."""

from __future__ import annotations

import argparse
import json
import re

from schemas.model.manifest import Manifest
from training.errors import SettingsError
from training.measure.evaluate import load_artifact
from training.trust.class_priors import ClassPriors, estimate_priors
from training.trust.stream_answers import StreamAnswers, collect

DIGITS = 4


def priors(arguments: argparse.Namespace) -> None:
    """``varstream-train priors``: print a section of worker.toml, with its errors as comments."""
    manifest = load_artifact(arguments.model).manifest
    answers = collect(arguments.answers, manifest, survey=arguments.survey, band=arguments.band)
    found = estimate_priors(
        answers.probabilities,
        answers.made_for,
        strength=arguments.strength,
        resamples=arguments.resamples,
        seed=arguments.seed,
    )
    print(section(manifest, answers, found, strength=arguments.strength, resamples=arguments.resamples))


def section(
    manifest: Manifest, answers: StreamAnswers, found: ClassPriors, *, strength: float, resamples: int
) -> str:
    """Return the priors as a section of worker.toml; what is not a setting is a comment."""
    bands = ", ".join(f"{name or 'no band'} {count:,}" for name, count in sorted(answers.bands.items()))
    left_out = f"; without an answer {answers.n_unscored:,}" if answers.n_unscored else ""
    if answers.n_other_surveys:
        left_out += f"; {answers.n_other_surveys:,} answers about other streams left out"
    width = max(len(_key(name)) for name in manifest.classes)
    shares = _adding_up(found)
    lines = [
        f"# Priors of {manifest.name} {manifest.version} in {answers.survey}, from its own answers about "
        f"{found.n:,} objects",
        f"# (by band: {bands}{left_out}).",
        "# Expectation maximisation (Saerens et al. 2002, doi:10.1162/089976602753284446); the priors that",
        f"# the model was made for count as {strength:g} objects. {found.steps} steps, to within",
        f"# {found.shortfall:.1g} of the highest log likelihood; errors by bootstrap, {resamples} times.",
        f"[model.priors.{answers.survey}]",
        f"# {'class':<{width}}   {'estimated':<10}  # {'+-':<9} made for",
    ]
    for name, share, error, own in zip(manifest.classes, shares, found.error, found.made_for, strict=True):
        lines.append(f"{_key(name):<{width + 2}} = {share:<10}  # {error:<9.2g} {own:.{DIGITS}g}")
    return "\n".join(lines)


def _adding_up(found: ClassPriors) -> list[str]:
    """Return the priors in few digits; the largest takes what the others leave of 1."""
    shares = [float(f"{share:.{DIGITS}g}") for share in found.estimate]
    largest = int(found.estimate.argmax())
    shares[largest] = round(1.0 - sum(share for place, share in enumerate(shares) if place != largest), 9)
    if not all(0.0 < share <= 1.0 for share in shares):
        raise SettingsError(f"the priors {shares} cannot be settings: give a higher --strength")
    return [f"{share:.9g}" for share in shares]


def _key(name: str) -> str:
    """Return a class as TOML has it before an equals sign."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)
