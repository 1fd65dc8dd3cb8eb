"""The cadences of two surveys, `ZTF_LIKE` and `LSST_LIKE`: when they look at a star, and at which stars.

How well they measure it is in `schemas.surveys`, but for the noise of archives. The numbers are facts
measured on public data or published, written down here so that nothing is read when light curves are made.
ZTF:

- Nights. Twelve stars with forced photometry in two bands, 2018 to 2021: the next visit in a band is 1 night
  later in 35 %, 2 in 21 %, 3 in 17 %, 4 in 7 % of the cases, 8 or fewer in 90 %; the mean within a season is
  2.4 to 5.7 nights, of star and band (5 and 95 %). Light curves of 20 and more epochs of a DR5 field: 3.3 to
  13 nights. In whatever band: 1 night later in 42 %, 2 in 21 %, 3 in 17 %, 4 in 5 %, 8 or fewer in 95 %;
  thirty long-period binaries of a data release 29, 30, 19, 6 and 94 %. Geometric gaps whose mean is drawn
  from 1.5 to 6.5 nights give these.
- Bands. Of the nights with g or r, both have 56 % for the twelve (43 to 64 %, 5 and 95 %), 54 % for the
  thirty (42 to 60 %, 16 and 84 %), 38 % for fifty stars of a data release and 56 % for four quasars; r has 47
  to 56 % of all band-nights. From g to r, or back, 18 (5 %), 40 (25 %), 62, 91 (75 %) and 158 (95 %) minutes
  pass.
- Nights with more than one exposure in a band: 9 % (5 to 19 %, forced), 3 % (DR5 field), 70 % with three to
  five exposures each in high-cadence fields (the stars of Coughlin et al. 2021, MNRAS 505, 2954); 0.6 to 54
  minutes apart. A fifth of the forced light curves hold a few nights with dozens of exposures.
- Seasons: complete ones last 197 to 283 days, the gaps between them 84 to 181 (10 and 90 %).
- Time of night: the standard deviation of the time of day is 0.12 d, all of the winter night.
- Brightness: stars with an alert have magnitude 13.1 (5 %), 14.9 (25 %), 16.2, 17.8 (75 %), 19.2 (95 %) in
  the reference image (706 alerts whose reference source is stellar and within 1 arcsec).
- Errors of the archive, the DR5 field (81 thousand g epochs): 0.017 to 14.8, 0.019 at 16.2, 0.030 at 17.2,
  0.058 at 18.2, 0.119 at 19.2, 0.191 at 20.2. The constants of `Noise` are a fit, within 22 % of every value
  down to 20.0, for g.

LSST:

- Wide survey: 56, 74, 184, 184, 160 and 160 visits in u, g, r, i, z and y in ten years, seasons of about six
  months, so 18 visits in r a season; nights come in pairs of mostly different bands (Ivezic et al. 2019).
  Which bands make a pair, and that u and g are left to dark nights, is not modelled.
- Deep drilling: five alert packets of 2025 have, in each band, 5 to 14 nights in 4 to 65 days, 1 to 25
  exposures a night (median 13), nights 1 to 2 days apart with gaps of up to 19. In the COSMOS field of 2026 a
  night goes through blocks of 10 to 30 exposures in i, g, z and r and over again, with two in y or five in u
  in some nights, for 3 to 6 hours; of the exposures 36 % are in i, 20 % each in g, r and z, 2 % each in u and
  y.

References
----------
Bellm et al. (2019), PASP 131, 018002; Ivezic et al. (2019), ApJ 873, 111, doi:10.3847/1538-4357/ab042c.
"""

from __future__ import annotations

from schemas.surveys import LSST, ZTF, Noise
from training.reobserve.cadence import Cadence, Strategy

PUBLIC = {"g": 0.48, "r": 0.52}
WIDE = {"u": 56 / 818, "g": 74 / 818, "r": 184 / 818, "i": 184 / 818, "z": 160 / 818, "y": 160 / 818}
DEEP = {"u": 0.02, "g": 0.20, "r": 0.20, "i": 0.36, "z": 0.20, "y": 0.02}
"""Shares of the blocks of exposures that bands have."""

ZTF_LIKE = Cadence(
    survey=ZTF,
    strategies=(
        Strategy(
            share=0.6,
            bands=PUBLIC,
            duration_d=(180.0, 2400.0),
            nights_between=(1.5, 6.5),
            next_band=(0.35, 0.65),
            most_blocks=2,
            minutes_to_next_band=(20.0, 150.0),
            again=(0.03, 0.18),
            minutes_between=(0.6, 55.0),
        ),
        Strategy(
            share=0.3,
            bands=PUBLIC,
            duration_d=(180.0, 2400.0),
            nights_between=(1.5, 4.0),
            next_band=(0.35, 0.65),
            most_blocks=2,
            minutes_to_next_band=(20.0, 150.0),
            again=(0.03, 0.18),
            minutes_between=(0.6, 55.0),
            marathons=3,
        ),
        Strategy(
            share=0.1,
            bands=PUBLIC,
            duration_d=(180.0, 1500.0),
            nights_between=(1.1, 2.5),
            next_band=(0.35, 0.65),
            most_blocks=2,
            minutes_to_next_band=(20.0, 150.0),
            again=(0.6, 0.8),
            minutes_between=(0.6, 45.0),
        ),
    ),
    season_gap_d=(80.0, 200.0),
    magnitudes=(13.0, 13.8, 14.6, 15.3, 15.9, 16.5, 17.2, 17.9, 18.6, 19.2, 20.3),
    archive_noise=Noise(floor=0.0155, gamma=0.0326),
    archive_loss=0.55,
)
"""The public survey, and the high-cadence fields of some of the stars."""

LSST_LIKE = Cadence(
    survey=LSST,
    strategies=(
        Strategy(
            share=0.7,
            bands=WIDE,
            duration_d=(365.0, 3653.0),
            nights_between=(3.2, 8.0),
            next_band=(0.85, 0.95),
            most_blocks=2,
            minutes_to_next_band=(15.0, 45.0),
            again=(0.01, 0.1),
            minutes_between=(15.0, 45.0),
            rolling=0.4,
        ),
        Strategy(
            share=0.3,
            bands=DEEP,
            duration_d=(20.0, 400.0),
            nights_between=(1.2, 4.0),
            next_band=(0.6, 0.9),
            most_blocks=12,
            minutes_to_next_band=(1.5, 10.0),
            again=(0.8, 0.94),
            minutes_between=LSST.repeat_minutes,
        ),
    ),
    season_gap_d=(150.0, 200.0),
    magnitudes=(16.5, 17.2, 17.8, 18.4, 18.9, 19.4, 19.9, 20.4, 20.9, 21.5, 22.5),
    archive_noise=LSST.noise,
    archive_loss=0.0,
)
"""The wide survey, and deep drilling fields for more of the stars than lie there: alerts begin there."""

CADENCES: dict[str, Cadence] = {cadence.survey.name: cadence for cadence in (ZTF_LIKE, LSST_LIKE)}
"""By name."""
