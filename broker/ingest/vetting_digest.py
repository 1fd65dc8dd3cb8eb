"""The digest of the vetting: of the rules and of the code by which a survey's epochs were made."""

from __future__ import annotations

import hashlib
import json
from types import ModuleType

from broker.code_digest import code_digest
from broker.ingest import (
    heliocentric,
    lsst,
    lsst_exposures,
    lsst_forced,
    vetting,
    ztf,
    ztf_exposures,
    ztf_forced,
)
from broker.ingest.vetting import VettingRules
from schemas import surveys
from schemas.surveys import LSST, ZTF

_CODE: dict[str, tuple[ModuleType, ...]] = {
    ZTF.name: (vetting, heliocentric, surveys, ztf, ztf_exposures, ztf_forced),
    LSST.name: (vetting, heliocentric, surveys, lsst, lsst_exposures, lsst_forced),
}


def vetting_digest(rules: VettingRules, survey: str) -> str:
    """128 bits, in hexadecimal, of what the epochs of a survey's alerts follow from beside the packets.

    Installations of one version and equal settings agree on it; what bounds the work is not in it.
    """
    parts = {"rules": rules.of(survey), "code": [code_digest(module) for module in _CODE[survey]]}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
