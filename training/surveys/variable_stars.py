"""Sets of variable stars, most of them periodic, and of stars that do not vary."""

from __future__ import annotations

from collections.abc import Mapping

from training.surveys.classes import ANY_CEPHEID, ANY_ECLIPSING, ANY_RR_LYRAE
from training.surveys.survey import Survey

DEBOSSCHER = "Debosscher et al. (2007), A&A 475, 1159"
EROS2 = "Kim et al. (2014), A&A 566, A43"
OGLE_CEPHEIDS = (
    "Soszynski et al. (2008), Acta Astron. 58, 163",
    "Soszynski et al. (2015), Acta Astron. 65, 297",
    "Soszynski et al. (2017), Acta Astron. 67, 103",
)
_OGLE_CEPHEID_LABELS = {
    "F": "CEPH_F",
    "1O": "CEPH_1O",
    "1O/2O": "CEPH_1O",  # the first overtone is the stronger mode
    "1O/3O": "CEPH_1O",
    "1O/2O/3O": "CEPH_1O",
    "F/1O": ANY_CEPHEID,
    "F/1O/2O": ANY_CEPHEID,
}
_EROS1_LABELS = {"rr_lyrae": ANY_RR_LYRAE, "cepheid": ANY_CEPHEID, "binary": ANY_ECLIPSING, "mira": "LPV"}
_EROS2_LABELS = {"CEPH_F": "CEPH_F", "CEPH_F/F": "CEPH_F", "CEPH_F/F/1O": ANY_CEPHEID}
_SDSS_LABELS = {"RRab": "RRL_ab", "RRc": "RRL_c"}

VARIABLE_STARS: Mapping[str, Survey] = {
    "asas_acvs_V": Survey(
        labels={
            "DSCT": "DSCT",
            "EC": "EB_EC",
            "ED": "EB_ED",
            "ESD": "EB_ESD",
            "EB_ambiguous": ANY_ECLIPSING,
            "MIRA": "LPV",
            "RRAB": "RRL_ab",
            "RRC": "RRL_c",
            "ACV": "ROT",
        },
        references=("Pojmanski (2002), Acta Astron. 52, 397",),
    ),
    "asas_richards_V": Survey(
        labels={
            "Beta_Lyrae": "EB_ESD",
            "Beta_Persei": "EB_ED",
            "ChemPeculiar": "ROT",
            "Classical_Cepheid": ANY_CEPHEID,
            "Delta_Scuti": "DSCT",
            "LSP": "LPV",
            "Mira": "LPV",
            "MultiMode_Cepheid": ANY_CEPHEID,
            "PopII_Cepheid": "T2CEPH",
            "RR_Lyrae_DM": "RRL_d",
            "RR_Lyrae_FM": "RRL_ab",
            "RR_Lyrae_FO": "RRL_c",
            "RSG": "LPV",
            "RS_CVn": "ROT",
            "RV_Tauri": "T2CEPH",
            "SARG_A": "LPV",
            "SARG_B": "LPV",
            "SX_Phe": "DSCT",
            "Semireg_PV": "LPV",
            "W_Ursae_Maj": "EB_EC",
            "Weakline_T_Tauri": "ROT",
        },
        outliers={
            "Beta_Cephei": "hot star",
            "ClassT_Tauri": "young star",
            "Herbig_AEBE": "young star",
            "Pulsating_Be": "hot star",
            "RCB": "R CrB",
            "S_Doradus": "hot star",
        },
        references=("Richards et al. (2012), ApJS 203, 32",),
        link="acvs_id",
    ),
    "css_sss_V": Survey(
        labels={
            "CEP-II": "T2CEPH",
            "DSCT_HADS": "DSCT",
            "EA": "EB_ED",
            "EB_contact_semi": "EB_EC|EB_ESD",
            "LMC-CEP": ANY_CEPHEID,
            "LPV": "LPV",
            "ROT": "ROT",
            "RRab": "RRL_ab",
            "RRab_Blazhko": "RRL_ab",
            "RRc": "RRL_c",
            "RRd": "RRL_d",
        },
        references=("Drake et al. (2017), MNRAS 469, 3688",),
    ),
    "eros1_B": Survey(labels=_EROS1_LABELS, references=("Beaulieu et al. (1995), A&A 303, 137",)),
    "eros1_R": Survey(labels=_EROS1_LABELS, references=("Beaulieu et al. (1995), A&A 303, 137",)),
    "eros2_lmc_cep_B": Survey(labels=_EROS2_LABELS, references=(EROS2,), link="ogle_id"),
    "eros2_lmc_cep_R": Survey(labels=_EROS2_LABELS, references=(EROS2,), link="ogle_id"),
    "gaia_dr3_G": Survey(
        labels={
            "CEP": "CEPH_1O|CEPH_F|T2CEPH",
            "DSCT|GDOR|SXPHE": "DSCT",
            "ECL": ANY_ECLIPSING,
            "LPV": "LPV",
            "RR": ANY_RR_LYRAE,
        },
        references=("Rimoldini et al. (2023), A&A 674, A14",),
    ),
    "hipparcos_debosscher_Hp": Survey(
        labels={
            "Chemically Peculiar Stars": "ROT",
            "Classical Cepheid": "CEPH_F",
            "Delta Scuti": "DSCT",
            "Mira": "LPV",
            "Population II Cepheid": "T2CEPH",
            "RR Lyrae, First Overtone": "RRL_c",
            "RR Lyrae, Fundamental Mode": "RRL_ab",
            "RV Tauri": "T2CEPH",
            "SX Phoenicis": "DSCT",
            "Semiregular Pulsating Variable": "LPV",
        },
        outliers={
            "Beta Cephei": "hot star",
            "Herbig AE/BE Star": "young star",
            "Periodically variable supergiants": "hot star",
            "S Doradus": "hot star",
            "Slowly Pulsating B-stars": "hot star",
            "T Tauri": "young star",
            "Wolf-Rayet": "hot star",
        },
        references=(DEBOSSCHER, "ESA (1997), ESA SP-1200"),
    ),
    "ogle2_debosscher_I": Survey(
        labels={
            "Algol (Beta Persei)": "EB_ED",
            "Beta Lyrae": "EB_ESD",
            "Multiple Mode Cepheid": ANY_CEPHEID,
            "RR Lyrae, Double Mode": "RRL_d",
            "W Ursae Majoris": "EB_EC",
        },
        references=(DEBOSSCHER, "Wyrzykowski et al. (2003), Acta Astron. 53, 1"),
    ),
    "ogle2_misc_lmc_I": Survey(
        labels={"cepheid": ANY_CEPHEID, "quasar": "QSO", "star": "NonVar"},
        references=("Szymanski (2005), Acta Astron. 55, 43",),
        training=False,
    ),
    "ogle3_lmc_cep_I": Survey(labels=_OGLE_CEPHEID_LABELS, references=OGLE_CEPHEIDS),
    "ogle4_lmc_cep_I": Survey(labels=_OGLE_CEPHEID_LABELS, references=OGLE_CEPHEIDS),
    "sdss_s82_rrl_g": Survey(labels=_SDSS_LABELS, references=("Sesar et al. (2010), ApJ 708, 717",)),
    "sdss_s82_rrl_r": Survey(labels=_SDSS_LABELS, references=("Sesar et al. (2010), ApJ 708, 717",)),
    "ztf_class_examples": Survey(
        stream="ztf",
        band_suffix=r"_series\d+",
        filters={"_series0": "g", "_series1": "r", "_series2": "i"},
        labels={
            "BetaLyr": "EB_ESD",
            "Blazkho": "RRL_ab",
            "CEPII": "T2CEPH",
            "Cepheid": ANY_CEPHEID,
            "DeltaScuti": "DSCT",
            "ELCVn": "EB_ED",
            "HADS": "DSCT",
            "MSMS_EA": "EB_ED",
            "RRlyr_ab": "RRL_ab",
            "RRlyr_c": "RRL_c",
            "RRlyr_d": "RRL_d",
            "RS_CVn": "ROT",
            "WUma": "EB_EC",
        },
        references=("Coughlin et al. (2021), MNRAS 505, 2954",),
        training=False,
    ),
    "ztf_dr5_field": Survey(
        stream="ztf",
        filters={"1": "g", "2": "r", "3": "i"},
        filter_key="filterid",
        labels={"NonVar": "NonVar"},
        references=("Masci et al. (2019), PASP 131, 018003",),
        label_key="ups_class",  # scatter within the errors; the survey itself gives no labels
    ),
    "ztf_forced_alerce12": Survey(
        stream="ztf",
        band_suffix="_[gr]",
        filters={"_g": "g", "_r": "r"},
        labels={
            "Blazar": "QSO",
            "Ceph": ANY_CEPHEID,
            "DSCT": "DSCT",
            "EA": "EB_ED",
            "EBEW": "EB_EC|EB_ESD",
            "LPV": "LPV",
            "RRLab": "RRL_ab",
            "RRLc": "RRL_c",
            "RSCVn": "ROT",
        },
        references=("Sanchez-Saez et al. (2021), AJ 161, 141",),
        training=False,
    ),
}
"""By file name without its suffix."""
