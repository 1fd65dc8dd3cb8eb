"""The classes of the shipped models.

A native label means one class, or several joined by ``|`` where it is coarser than the classes: "RR
Lyrae" without a mode is ``RRL_ab|RRL_c|RRL_d``. A label that is not listed has no class here, because
too few of its stars are known or because 16 features of one band cannot tell them apart.
"""

from __future__ import annotations

CLASSES = (
    "CEPH_1O",
    "CEPH_F",
    "CV",
    "DSCT",
    "EB_EC",
    "EB_ED",
    "EB_ESD",
    "LPV",
    "NonVar",
    "QSO",
    "ROT",
    "RRL_ab",
    "RRL_c",
    "RRL_d",
    "T2CEPH",
)
"""In alphabetical order, named as in Kim et al. (2021) where they have the class.

LPV joins Miras, semi-regulars and small-amplitude red giants; ROT are spotted and chemically peculiar
rotators, RS CVn stars among them; T2CEPH includes RV Tauri stars; DSCT includes SX Phoenicis stars; QSO are
quasars, active galaxies and blazars; CV are cataclysmic variables and novae.
"""

OUTLIERS = (
    "microlensing",
    "supernova, difference flux",
    "superluminous supernova, difference flux",
    "tidal disruption, difference flux",
    "supernova, total flux",
    "flare",
    "young star",
    "R CrB",
    "hot star",
)
"""Kinds of what is in no class, of which real ones are learnt from as `schemas.model.verdict.OTHER`."""

NON_VARIABLE = "NonVar"
"""The class of stars that do not vary."""

QUASAR = "QSO"
"""The class of quasars."""

CATACLYSMIC = "CV"
"""The class of cataclysmic variables and novae."""

APERIODIC = (QUASAR, CATACLYSMIC)
"""Classes of what varies without a period: never folded."""

ANY_CEPHEID = "CEPH_1O|CEPH_F"
ANY_ECLIPSING = "EB_EC|EB_ED|EB_ESD"
ANY_RR_LYRAE = "RRL_ab|RRL_c|RRL_d"


DOUBLE_MODE_LABELS = (
    "RRd",
    "RR_Lyrae_DM",
    "RR Lyrae, Double Mode",
    "MultiMode_Cepheid",
    "Multiple Mode Cepheid",
    "F/1O",
    "F/1O/2O",
    "1O/2O",
    "1O/2O/3O",
    "1O/3O",
)
"""Native labels of stars that pulsate with two periods or more."""
