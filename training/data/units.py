"""Units of measured values, by the names that files and arrays give them: converted or refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.errors import TrainingError

F8 = NDArray[np.float64]

DAY_S = 86_400.0
MJD_OF_1970 = 40_587.0

NO_UNIT = frozenset(
    {"", "-", "--", "1", "none", "null", "dimensionless", "dimensionless_unscaled", "unitless"}
)

FLUXES = frozenset(
    {
        *(
            "jy",
            "mjy",
            "ujy",
            "njy",
            "nmgy",
            "nanomaggy",
            "maggy",
            "maggies",
            "flux",
            "dex",
            "%",
            "ppm",
            "ppt",
        ),
        *(
            "adu",
            "dn",
            "count",
            "counts",
            "ct",
            "electron",
            "electrons",
            "e-",
            "e/s",
            "photon",
            "photons",
            "ph/s",
        ),
        *(
            "erg/s/cm2",
            "erg/s/cm^2",
            "erg/cm2/s",
            "erg/cm^2/s",
            "erg/(s cm2)",
            "erg s-1 cm-2",
            "w/m2",
            "w/m^2",
        ),
    }
)
"""Units that brightness may have, and that are no magnitudes."""

_DAYS = ("d", "day", "days", "jd", "mjd", "hjd", "bjd", "hmjd", "bmjd", "btjd")
_MAGNITUDES = ("mag", "mags", "magnitude", "magnitudes", "abmag", "stmag", "vegamag", "mag_ab", "ab", "vega")
_DEGREES = ("deg", "degree", "degrees", "degrees_east", "degrees_north")
_ANGLES = {
    **dict.fromkeys(_DEGREES, 1.0),
    **dict.fromkeys(("rad", "radian", "radians"), 180.0 / np.pi),
    **dict.fromkeys(("arcmin", "arcminute"), 1.0 / 60.0),
    **dict.fromkeys(("arcsec", "arcsecond"), 1.0 / 3600.0),
    "mas": 1.0 / 3.6e6,
}
_TIMES = {
    **dict.fromkeys(_DAYS, 1.0),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0 / DAY_S),
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), 1e-3 / DAY_S),
    **dict.fromkeys(("us", "microsecond", "microseconds"), 1e-6 / DAY_S),
    **dict.fromkeys(("ns", "nanosecond", "nanoseconds"), 1e-9 / DAY_S),
    **dict.fromkeys(("min", "minute", "minutes"), 60.0 / DAY_S),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3600.0 / DAY_S),
    **dict.fromkeys(("week", "weeks", "wk"), 7.0),
    **dict.fromkeys(("yr", "year", "years", "a"), 365.25),
}
_BRIGHTNESSES = {
    **dict.fromkeys(_MAGNITUDES, 1.0),
    **dict.fromkeys(("mmag", "millimag", "millimagnitude"), 1e-3),
}

WANTED: Mapping[str, tuple[str, Mapping[str, float]]] = {
    "time": ("days", _TIMES),
    "mag": ("magnitudes", _BRIGHTNESSES),
    "err": ("magnitudes", _BRIGHTNESSES),
    "ra": ("degrees", {**_ANGLES, **dict.fromkeys(("h", "hr", "hour", "hourangle"), 15.0)}),
    "dec": ("degrees", _ANGLES),
}
"""What each kind of value is in, and how much of it one of another unit is."""


def factor_of(key: str, unit: str, what: str) -> float:
    """Return by what values in a unit are multiplied.

    Parameters
    ----------
    key : str
        Of `WANTED`.
    unit : str
        As the file or the array names it.
    what : str
        The values, for the message.

    Raises
    ------
    TrainingError
        If the unit is not known to be one of such values.
    """
    name = _name(unit)
    wanted, factors = WANTED[key]
    if name in NO_UNIT:
        return 1.0
    if name not in factors:
        raise TrainingError(f"{what} is in {unit.strip()!r}, where {wanted} are needed: convert the values")
    return factors[name]


def unit_in(name: str) -> str | None:
    """Return the unit in brackets at the end of a column's name, as in ``time [s]``; None for none."""
    match = re.search(r"[\[(]([^\[\]()]+)[\])]$", name.strip())
    if match is None:
        return None
    return match[1] if is_unit(match[1]) else None


def is_unit(text: str) -> bool:
    """Whether a text names a unit of any value, also one that is not read."""
    name = _name(text)
    return _is_flux(name) or any(name in factors for _, factors in WANTED.values())


def _is_flux(name: str) -> bool:
    """Whether the bare name is that of a flux, or of one a second."""
    return name in FLUXES or re.sub(r" ?(/ ?|)s(ec|-1|\^-1)?$", "", name) in FLUXES


def _name(unit: str) -> str:
    """Return the bare name of a unit, that of magnitudes without their system."""
    name = re.sub(r"^[\[(](.*)[\])]$", r"\1", unit.strip().strip("'\"").lower()).strip()
    return re.sub(r"^mag\s*\(.*\)$", "mag", name)


def days_of(moments: NDArray[Any]) -> F8:
    """Return modified Julian dates (n,) of datetime64, days of timedelta64; NaN where there is none."""
    missing = np.isnat(moments)
    kind = moments.dtype.kind
    unit = np.datetime_data(moments.dtype)[0]
    if unit in ("Y", "M", "W", "h", "m", "D", "generic"):
        moments = moments.astype(f"{kind}8[s]")
    days = moments.astype(f"{kind}8[D]")
    rest = (moments - days) / np.timedelta64(1, "D")
    origin = MJD_OF_1970 if kind == "M" else 0.0
    whole = days.astype(np.int64).astype(np.float64)
    return np.where(missing, np.nan, origin + whole + rest.astype(np.float64))


def units_in(lines: Iterable[str]) -> dict[str, str]:
    """Read the units that Astropy writes for columns, into ECSV comments and the metadata of Parquet.

    Lines such as ``- {name: time, unit: d, datatype: float64}``, or the same with a line for each entry.
    """
    units: dict[str, str] = {}
    name = ""
    for line in lines:
        text = line.strip().lstrip("#").strip()
        if text.startswith("meta:"):
            break
        if text.startswith("- "):
            name = ""
        for key, value in re.findall(r"(?:^|[-{,\s])(name|unit):\s*('[^']*'|\"[^\"]*\"|[^,}]+)", text):
            plain = value.strip().strip("'\"")
            if key == "name":
                name = plain
            elif name:
                units[name] = plain
    return units
