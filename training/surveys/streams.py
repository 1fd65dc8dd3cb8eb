"""Sets of what fills streams besides periodic stars: active galaxies, cataclysmic variables, transients."""

from __future__ import annotations

from collections.abc import Mapping

from training.surveys.survey import Survey

GAIA_ALERTS = "Hodgkin et al. (2021), A&A 652, A76"
OPEN_SUPERNOVAE = "Guillochon et al. (2017), ApJ 835, 64"
CRTS = "Drake et al. (2009), ApJ 696, 870"

_IN_DIFFERENCE = "supernova, difference flux"
_IN_TOTAL = "supernova, total flux"
_SUPERLUMINOUS = "superluminous supernova, difference flux"
_SUPERNOVAE = (
    *("SN", "SN I", "SN Ia", "SN Ia CSM", "SN Ia Pec", "SN Ia-91T", "SN Ia-91T-like", "SN Ia-91bg-like"),
    *("SN Ia-CSM", "SN Ia-SC", "SN Ia-pec", "SN Iax[02cx-like]", "SN Ib", "SN Ib-Ca-rich", "SN Ib-pec"),
    *("SN Ib/IIb", "SN Ib/c", "SN Ibc", "SN Ibn", "SN Ic", "SN Ic BL", "SN Ic-BL", "SN Icn", "SN II"),
    *("SN II P", "SN II-pec", "SN IIP", "SN IIb", "SN IIn", "SN IIn-pec", "SN Ca-rich", "SN .Ia"),
)
_SLSN = ("SLSN", "SLSN-I", "SLSN-II", "Super-Luminous Ic")
_IN_TOTAL_FLUX = dict.fromkeys((*_SUPERNOVAE, *_SLSN, "TDE", "SN candidate (CRTS)"), _IN_TOTAL)
_IN_DIFFERENCE_FLUX = dict.fromkeys(_SUPERNOVAE, _IN_DIFFERENCE) | dict.fromkeys(_SLSN, _SUPERLUMINOUS)
_TYPES_IN_ZTF = {
    **dict.fromkeys(("EA", "EA+BY", "EA+DIP:", "EA+HB", "EA+VAR", "EA/RS", "EA/WD"), "EB_ED"),
    **dict.fromkeys(("L|SRB", "SR"), "LPV"),
    **dict.fromkeys(("BYDra", "RSCVN"), "ROT"),
    **dict.fromkeys(("UGSU+E", "WD: CV(SIMBAD)"), "CV"),
    "CEPII": "T2CEPH",
    "DSCT": "DSCT",
    "EW": "EB_EC",
    "QSO": "QSO",
    "RR": "RRL_ab",
    "RRc": "RRL_c",
}


def _supernovae(*references: str, stream: str | None = None) -> Survey:
    return Survey(
        labels={}, outliers=_IN_DIFFERENCE_FLUX, references=references, stream=stream, difference=True
    )


STREAMS: Mapping[str, Survey] = {
    "crts_sne_V": Survey(labels={}, outliers=_IN_TOTAL_FLUX, references=(CRTS, OPEN_SUPERNOVAE)),
    "crts_transients_V": Survey(
        labels={"AGN": "QSO", "AGN/Blazar": "QSO", "Blazar": "QSO", "CV": "CV"},
        outliers={**_IN_TOTAL_FLUX, "Flare": "flare"},
        references=(CRTS, "Neira et al. (2020), ApJS 250, 11"),
    ),
    "gaia_alerts_G": Survey(
        labels={"AGN": "QSO", "BL Lac": "QSO", "Blazar": "QSO", "CV": "CV", "QSO": "QSO"},
        outliers={
            **_IN_TOTAL_FLUX,
            "Flare": "flare",
            "RCrB": "R CrB",
            "YSO": "young star",
            "ulens": "microlensing",
            "ulens?": "microlensing",
        },
        references=(GAIA_ALERTS, OPEN_SUPERNOVAE),
    ),
    **{
        f"lsst_ddf_cosmos_{band}": Survey(
            labels={"AGN": "QSO", "QSO": "QSO", "Sy1": "QSO"},  # its stars are saturated
            references=("NSF-DOE Vera C. Rubin Observatory, alerts of 2026-03-10",),
            stream="lsst",
            training=False,
        )
        for band in "ugrizy"
    },
    "novae_V": Survey(
        labels={"Nova": "CV", "Recurrent Nova": "CV"},
        references=("Strope, Schaefer and Henden (2010), AJ 140, 34", "Schaefer (2010), ApJS 187, 275"),
        training=False,
    ),
    "ogle2_microlensing_I": Survey(
        labels={},
        outliers={"Microlensing": "microlensing"},
        references=(
            "Udalski et al. (1997), Acta Astron. 47, 319",
            "Wozniak et al. (2001), Acta Astron. 51, 175",
        ),
    ),
    "ptf_sne_R": _supernovae(
        "Maguire et al. (2014), MNRAS 444, 3258",
        "Rubin et al. (2016), ApJ 820, 33",
        "De Cia et al. (2018), ApJ 860, 100",
    ),
    "slsn_gomez_ztf_g": _supernovae("Gomez et al. (2024), MNRAS 535, 471", stream="ztf"),
    "slsn_gomez_ztf_r": _supernovae("Gomez et al. (2024), MNRAS 535, 471", stream="ztf"),
    **{f"sn_ia_pantheon_{band}": _supernovae("Scolnic et al. (2022), ApJ 938, 113") for band in "griz"},
    **{
        f"tde_many_ztf_{band}": Survey(
            labels={},
            outliers={"TDE": "tidal disruption, difference flux"},
            references=("Mummery et al. (2024), MNRAS 527, 2452",),
            stream="ztf",
            difference=True,
        )
        for band in "gr"
    },
    **{
        f"ztf_dr_labelled_{band}": Survey(
            stream="ztf",
            labels=_TYPES_IN_ZTF,
            outliers={"Microlensing": "microlensing"},
            references=("Masci et al. (2019), PASP 131, 018003", "Chen et al. (2020), ApJS 249, 18"),
            training=False,
        )
        for band in "gri"
    },
    "ztf_dr19_field": Survey(
        stream="ztf",
        filters={"1": "g", "2": "r", "3": "i"},
        filter_key="filterid",
        labels={"NonVar": "NonVar"},
        references=("Masci et al. (2019), PASP 131, 018003",),
        label_key="ups_class",  # scatter within the errors, and in no catalogue of variables
    ),
    **{
        f"ztf_sne_alerce_{band}": _supernovae("Forster et al. (2021), AJ 161, 242", stream="ztf")
        for band in "gr"
    },
}
"""By file name without its suffix."""
