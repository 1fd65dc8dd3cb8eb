"""The model card: what a manifest says, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from schemas.model.manifest import Manifest
from training.crossfit.assessment import OF_LIMITS

CARD_FILE = "README.md"


def write_card(folder: Path, manifest: Manifest) -> None:
    """Write ``README.md`` beside the model, from its manifest alone."""
    (folder / CARD_FILE).write_text(card(manifest), encoding="utf-8")


def card(manifest: Manifest) -> str:
    """Return the model card as Markdown."""
    metrics, training = manifest.metrics, manifest.training
    lengths = list(metrics["calibration"])
    sections = [
        f"# {manifest.name} {manifest.version}",
        f"A classifier of variable stars from one band's light curve: {len(manifest.features)} features "
        f"(convention `{manifest.convention}`, {_clip(manifest.clip_sigma)}) to {len(manifest.classes)} "
        "classes. "
        f"Use it from {manifest.min_epochs} epochs on. This page is written from `manifest.json`, which has "
        "all of it and more.",
        "## How it was made",
        f"```\n{training['command']}\n```",
        f"{training['method'].capitalize()}, seed {training['seed']}, on {training['examples']:,} examples "
        f"of {training['light_curves']:,} light curves: "
        f"{_examples(training['recipe']['sampling'], manifest.classes)}. The temperature "
        f"({training['temperature']:.2f}) was fitted on what networks said about "
        f"{_fitted_on(training['temperature_fitted_on'])} of stars they had not seen.",
        "## How good it is",
        f"Mc = (1 + MCC) / 2, of {metrics['how']}. No star, in any survey or band, is in two folds. The "
        "error is the standard error from resampling the stars. A label that is coarser than the "
        "classes counts as right for any class it contains. Mc is 0.5 by definition where a survey has stars "
        "of one class only: look at the accuracy there.",
        said_of_pretraining(training),
        _survey_table(metrics["by_survey"], lengths),
        "### By number of epochs",
        "The surveys that were trained on together. ECE is the expected calibration error in 15 bins of "
        "equal mass, of light curves whose label names one class; *by chance* is about what honest "
        "probabilities would have, if every light curve was of another star. *Sure* is the share of stars "
        "whose label has a probability above 0.9, and how often those are right.",
        _calibration_table(metrics, lengths),
        _reliability(manifest),
        "### By class, complete light curves",
        _class_table(metrics["all_surveys"]["per_class"]),
        _confusion(metrics["all_surveys"]),
        "### Light curves that imitate",
        _simulated_table(metrics["simulated"]),
        "## What to know before trusting it",
        _caveats(manifest.classes),
        "## Data and credit",
        _data(training["data"]),
        f"Licence: {manifest.licence}." if manifest.licence else "",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _fitted_on(fitted: Mapping[str, Any]) -> str:
    low, high = fitted["n_epochs_min"], fitted["n_epochs_max"]
    epochs = f"{low}" if low == high else f"{low} to {high}"
    return f"{fitted['examples']:,} examples, of {epochs} epochs,"


def _caveats(classes: Sequence[str]) -> str:
    """Say what the numbers cannot tell."""
    caveats = [
        "The mix of classes in training is that of catalogues of variable stars, not of the sky or of an "
        "alert stream: the probabilities are calibrated for such a mix.",
        "One band, no colour, no distance: types that differ only there, as Cepheids of populations I and II "
        "do, get mixed up.",
        "It was not measured on many exposures per night of few nights, as deep fields give: there an epoch "
        "says less than these tables suppose.",
        "Whatever has no class here comes out as one that is wrong: in an alert stream that may be "
        "supernovae, cataclysmic variables and young stars.",
    ]
    if any(name.startswith("EB") for name in classes):
        caveats.append(
            "The period of an eclipsing binary is usually half the orbital one: the model was trained so."
        )
    return "\n".join(f"- {each}" for each in caveats)


def said_of_pretraining(training: Mapping[str, Any]) -> str:
    """Say what the pretrained network knew of the stars that a model is measured on; '' for nothing.

    It can be told by names and places only, see `training.stars.identity`.
    """
    known = training.get("known_from_pretraining", {})
    said = []
    if in_folds := sum(known.get("in_folds", {}).values()):
        said.append(
            f"{in_folds:,} labelled light curves are of stars that the network knew which this one was "
            "transferred from, in another guise perhaps: each is judged by a network that was transferred "
            "from one that did not know its star."
        )
    if in_others := sum(known.get("in_others", {}).values()):
        said.append(
            f"These numbers are optimistic: {in_others:,} labelled light curves are of stars that the "
            "network knew which this one was transferred from, too uneven in the folds that they were in."
        )
    if left_out := sum(known.get("left_out", {}).values()):
        said.append(
            f"{left_out:,} labelled light curves are left out: in the pretrained network's folds their stars "
            "were in two, or they would be a test of memory."
        )
    if seen := training.get("seen_in_pretraining"):
        said.append(
            "These numbers are optimistic: the network that this one was transferred from had learnt from "
            f"the same stars, of {', '.join(seen)}, in another guise perhaps. Surveys that were never "
            "trained on are an honest test."
        )
    return " ".join(said)


def _examples(sampling: Mapping[str, Any], classes: Sequence[str]) -> str:
    made = ["complete light curves"]
    if sampling["truncations"]:
        made.append(
            f"{sampling['truncations']} random prefixes and thinned-out versions of each, so that the model "
            "is honest about few epochs"
        )
    non_variables = "NonVar" in classes and (sampling["shuffled"] or sampling["constant"])
    quasars = "QSO" in classes and sampling["damped_walk"]
    imitated = [name for name, made_up in (("non-variables", non_variables), ("quasars", quasars)) if made_up]
    if imitated:
        made.append(f"simulated {' and '.join(imitated)} at the epochs and errors of real stars")
    return "; ".join(made)


def _clip(clip_sigma: float | None) -> str:
    return "no outlier cut" if clip_sigma is None else f"one cut at {clip_sigma:g} sigma"


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _survey_table(by_survey: Mapping[str, Any], lengths: list[str]) -> str:
    rows = []
    for name, reports in by_survey.items():
        full = reports["all"]
        shorter = [f"{reports[n]['mc']:.3f}" if n in reports else "" for n in lengths if n != "all"]
        rows.append(
            [
                name,
                str(full["n"]),
                str(full["n_stars"]),
                f"{full['mc']:.3f} +- {full['mc_error']:.3f}",
                f"{full['accuracy']:.3f}",
                *shorter,
            ]
        )
    first = [f"Mc, first {n}" for n in lengths if n != "all"]
    return _table(["survey", "light curves", "stars", "Mc, all epochs", "accuracy", *first], rows)


def _calibration_table(metrics: Mapping[str, Any], lengths: list[str]) -> str:
    rows = []
    for n in lengths:
        summary, calibration = metrics["all_surveys"][n], metrics["calibration"][n]
        sure = calibration["confident_accuracy"]
        rows.append(
            [
                n,
                f"{summary['mc']:.3f} +- {summary['mc_error']:.3f}",
                f"{summary['accuracy']:.3f}",
                f"{calibration['calibration_error']:.3f}",
                f"{calibration['calibration_noise']:.3f}" if "calibration_noise" in calibration else "",
                f"{calibration['confident_share']:.0%}",
                "" if sure is None else f"{sure:.1%}",
            ]
        )
    header = ["first epochs", "Mc", "accuracy", "ECE", "by chance", "sure", "right when sure"]
    return _table(header, rows)


def _reliability(manifest: Manifest) -> str:
    """Write what every annotation says about its number of epochs."""
    if not manifest.reliability:
        return ""
    rows = [
        [
            f"{each['n_epochs_min']}+"
            if each["n_epochs_max"] is None
            else f"{each['n_epochs_min']}-{each['n_epochs_max']}",
            f"{each['n_light_curves']:,}",
            f"{each['mc']:.3f} +- {each['mc_error']:.3f}",
            f"{each['accuracy']:.3f}",
            f"{each['calibration_error']:.3f}",
            f"{each['abstained']:.0%}",
            "" if each["accuracy_when_sure"] is None else f"{each['accuracy_when_sure']:.3f}",
        ]
        for each in manifest.reliability
    ]
    return (
        "Every annotation carries the line of this table that its number of epochs falls in. The model gives "
        f"no label where its highest probability is below {manifest.abstain_below:g}. Errors in this table "
        "are standard errors of the mean over the folds.\n\n"
        + _table(["epochs", "light curves", "Mc", "accuracy", "ECE", "no label", "accuracy of labels"], rows)
    )


def _class_table(per_class: Mapping[str, Any]) -> str:
    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.3f}"

    rows = [
        [name, str(s["n"]), number(s["precision"]), number(s["recall"]), number(s["f1"])]
        for name, s in per_class.items()
    ]
    return _table(["class", "test light curves", "precision", "recall", "F1"], rows)


def _confusion(all_surveys: Mapping[str, Any]) -> str:
    """Write the confusion matrix in per cent of each true class."""
    names, matrix = all_surveys["confusion_classes"], all_surveys["confusion"]
    rows = []
    for name, counts in zip(names, matrix, strict=True):
        total = sum(counts)
        if total:
            rows.append([f"**{name}**", *(f"{100 * count / total:.0f}" if count else "" for count in counts)])
    return "Rows are true classes, columns predictions, in per cent of the row:\n\n" + _table(
        ["", *names], rows
    )


def _simulated_table(simulated: Mapping[str, Any]) -> str:
    meaning = {
        "shuffled": "magnitudes in random order (NonVar)",
        "constant": "constant star with noise (NonVar)",
        "damped_walk": "damped random walk (QSO)",
    }
    rows = [
        [
            meaning[kind],
            str(s["n"]),
            f"{s['accuracy']:.3f}",
            *(f"{s[share]:.1%}" if share in s else "" for share in OF_LIMITS),
        ]
        for kind, s in simulated.items()
    ]
    header = ["made of", "light curves", "accuracy", "labelled wrongly", "wrongly above 0.9"]
    return _table(header, rows) if rows else ""


def _data(data: list[Mapping[str, Any]]) -> str:
    return "\n".join(
        f"- `{each['name']}` ({each['used_for']}{_observed(each)}): "
        f"{'; '.join(each['references']) or 'own data'}"
        for each in data
    )


def _observed(source: Mapping[str, Any]) -> str:
    """Say what became of the stars that are shown as another survey sees them."""
    stars = source.get("stars_observed")
    if not stars:
        return ""
    counts = ", ".join(f"{name} {count:,}" for name, count in stars.items())
    return f"; as {source['observed_as']} sees its stars: {counts}"
