"""The fields of a manifest: what each may hold, and what is wrong where it does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from reprlib import repr as shown
from typing import Any

from schemas.model.priors import TOLERANCE
from schemas.model.verdict import OTHER

LARGEST_NUMBER = 2**53  # of epochs, stars or sigmas


def what_is_wrong(raw: Mapping[str, Any]) -> str | None:
    """Say which field of a manifest, as read from its file, is impossible and how; None where none is."""
    wrong = [name for name, right in _FIELD_CHECKS.items() if name in raw and not right(raw[name])]
    if wrong:
        return f"{wrong[0]} cannot be {shown(raw[wrong[0]])}"
    said = _wrong_bins(raw.get("reliability", []), "reliability") or _wrong_terms(raw, raw, "")
    if said is None and raw.get("taxonomy") is not None:
        said = _wrong_names(raw["taxonomy"], _TAXONOMY_CHECKS, "taxonomy")
    if said is None and raw.get("fused") is not None:
        said = _wrong_fused(raw["fused"], raw)
    return said


def _wrong_fused(fused: Mapping[str, Any], raw: Mapping[str, Any]) -> str | None:
    """Say what is wrong with what a manifest states of fused answers."""
    optional = {name: right for name, right in _TERM_CHECKS.items() if name in fused}
    said = _wrong_names(fused, {**_FUSED_CHECKS, **optional}, "fused")
    if said is None:
        said = _wrong_bins(fused["reliability"], "fused.reliability")
    return _wrong_terms(fused, raw, "fused.") if said is None else said


def _wrong_terms(terms: Mapping[str, Any], raw: Mapping[str, Any], where: str) -> str | None:
    """Say which limit, prior or table of novelty does not fit the classes of a manifest, or itself."""
    classes = raw.get("classes", [])
    if OTHER in classes[:-1]:
        return f"classes: {OTHER} must be the last one"
    for name in ("abstain_below_by_class", "priors"):
        unknown = sorted(set(terms.get(name, {})) - set(classes))
        if unknown:
            return f"{where}{name} names {unknown[0][:40]}, which is none of the classes"
    priors = terms.get("priors", {})
    if priors and (list(priors) != classes or abs(sum(priors.values()) - 1.0) > TOLERANCE):
        return f"{where}priors must be of all classes, in their order, and add up to 1"
    novelty = terms.get("novelty")
    return None if novelty is None else _wrong_novelty(novelty, f"{where}novelty")


def _wrong_novelty(novelty: Mapping[str, Any], name: str) -> str | None:
    """Say what is wrong with a table of novelty, see `schemas.model.novelty`."""
    said = _wrong_names(novelty, _NOVELTY_CHECKS, name)
    if said is not None:
        return said
    first = 0
    for place, each in enumerate(novelty["bins"]):
        what = f"{name}.bins[{place}]"
        if not isinstance(each, dict):
            return f"{what} is not a JSON object"
        said = _wrong_names(each, _NOVELTY_BIN_CHECKS, what)
        if said is not None:
            return said
        if len(each["oddness"]) != len(novelty["shares"]):
            return f"{what} has {len(each['oddness'])} values of oddness for {len(novelty['shares'])} shares"
        low = each["n_epochs_min"]
        if low != 0 if place == 0 else low <= first:
            return f"{what} starts at {low} epochs: the first bin must start at 0, and the others must ascend"
        first = low
    return None


def _wrong_bins(bins: Sequence[object], name: str) -> str | None:
    """Say where bins of reliability are impossible, or say nothing about some number of epochs."""
    previous: Mapping[str, Any] | None = None
    for place, each in enumerate(bins):
        what = f"{name}[{place}]"
        if not isinstance(each, dict):
            return f"{what} is not a JSON object"
        said = _wrong_names(each, _BIN_CHECKS, what)
        if said is not None:
            return said
        low, high, is_last = each["n_epochs_min"], each["n_epochs_max"], place == len(bins) - 1
        if (high is None) != is_last:
            return f"{what}: n_epochs_max is {high}; it must be null in the last bin and in no other"
        if high is not None and high < low:
            return f"{what} goes from {low} to {high} epochs: n_epochs_max is too small"
        if previous is not None and low != previous["n_epochs_max"] + 1:
            return (
                f"{what} starts at {low} epochs, the bin before ends at {previous['n_epochs_max']}: "
                "bins must ascend without gaps"
            )
        previous = each
    return None


def _wrong_names(
    each: Mapping[str, Any], checks: Mapping[str, Callable[[object], bool]], what: str
) -> str | None:
    """Say which name is missing or unknown, or stands for something impossible."""
    if each.keys() != checks.keys():
        missing, unknown = (
            ", ".join(name[:40] for name in sorted(names)[:10]) or "none"
            for names in (checks.keys() - each.keys(), each.keys() - checks.keys())
        )
        return f"{what} has other fields than it must: missing {missing}; unknown {unknown}"
    wrong = [name for name, right in checks.items() if not right(each[name])]
    return f"{what}: {wrong[0]} cannot be {shown(each[wrong[0]])}" if wrong else None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value)) and len(set(value)) == len(value) > 0


def _is_number(value: object, kinds: tuple[type, ...]) -> bool:
    return type(value) in kinds and 0 < value <= LARGEST_NUMBER  # type: ignore[operator]


def _is_finite_object(value: object) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return isinstance(value, dict)


def _is_label_maps(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(labels, dict) and all(map(_is_text, labels.values())) for labels in value.values()
    )


def _is_limits(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_limit, value.values()))


def _is_priors(value: object) -> bool:
    return isinstance(value, dict) and all(_is_share(each) and each > 0 for each in value.values())


def _is_falling_shares(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) > 1
        and all(_is_share(each) and each > 0 for each in value)
        and all(a > b for a, b in pairwise(value))
    )


def _is_rising_numbers(value: object) -> bool:
    return (
        isinstance(value, list)
        and all(type(each) in (int, float) and abs(each) <= LARGEST_NUMBER for each in value)
        and all(a <= b for a, b in pairwise(value))
    )


def _is_share(value: object) -> bool:
    return type(value) in (int, float) and 0.0 <= value <= 1.0  # type: ignore[operator]


def _is_limit(value: object) -> bool:
    return _is_share(value) and value != 1


_TERM_CHECKS: Mapping[str, Callable[[object], bool]] = {
    "abstain_below_by_class": _is_limits,
    "priors": _is_priors,
    "novelty": lambda value: value is None or isinstance(value, dict),
}
"""Of one band and of all together."""

_FIELD_CHECKS: Mapping[str, Callable[[object], bool]] = {
    **_TERM_CHECKS,
    "name": _is_text,
    "version": _is_text,
    "sha256": _is_text,
    "convention": _is_text,
    "classes": _is_names,
    "features": _is_names,
    "min_epochs": lambda value: _is_number(value, (int,)),
    "clip_sigma": lambda value: value is None or _is_number(value, (int, float)),
    "label_maps": _is_label_maps,
    "preprocessing": _is_finite_object,
    "training": _is_finite_object,
    "metrics": _is_finite_object,
    "licence": lambda value: isinstance(value, str),
    "reliability": lambda value: isinstance(value, list),
    "abstain_below": _is_limit,
    "fused": lambda value: value is None or isinstance(value, dict),
    "taxonomy": lambda value: value is None or isinstance(value, dict),
}

_TAXONOMY_CHECKS: Mapping[str, Callable[[object], bool]] = {"version": _is_text, "sha256": _is_text}

_FUSED_CHECKS: Mapping[str, Callable[[object], bool]] = {
    "min_epochs": lambda value: _is_number(value, (int,)),
    "temperature": lambda value: _is_number(value, (int, float)),
    "abstain_below": _is_limit,
    "reliability": lambda value: isinstance(value, list),
}

_BIN_CHECKS: Mapping[str, Callable[[object], bool]] = {
    "n_epochs_min": lambda value: _is_number(value, (int,)),
    "n_epochs_max": lambda value: value is None or _is_number(value, (int,)),
    "n_stars": lambda value: _is_number(value, (int,)),
    "n_light_curves": lambda value: _is_number(value, (int,)),
    "accuracy": _is_share,
    "accuracy_error": _is_share,
    "mc": _is_share,
    "mc_error": _is_share,
    "calibration_error": _is_share,
    "abstained": _is_share,
    "accuracy_when_sure": lambda value: value is None or _is_share(value),
}

_NOVELTY_CHECKS: Mapping[str, Callable[[object], bool]] = {
    "limit": _is_limit,
    "shares": _is_falling_shares,
    "bins": lambda value: isinstance(value, list) and len(value) > 0,
}

_NOVELTY_BIN_CHECKS: Mapping[str, Callable[[object], bool]] = {
    "n_epochs_min": lambda value: type(value) is int and 0 <= value <= LARGEST_NUMBER,
    "n_light_curves": lambda value: _is_number(value, (int,)),
    "oddness": _is_rising_numbers,
}
