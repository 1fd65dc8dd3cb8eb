"""The cadences of two surveys, `ZTF_LIKE` and `LSST_LIKE`: when they look at a star, and at which stars.

How well they measure it is in `schemas.surveys`, but for the noise of archives. The numbers are facts
measured on public data or published, written down here so that nothing is read when light curves are made.
ZTF, one band at a time:

- Nights. Twelve stars with forced photometry in two bands, 2018 to 2021: the next visit is 1 night later in
  35 %, 2 in 21 %, 3 in 17 %, 4 in 7 % of the cases, 8 or fewer in 90 %; the mean within a season is 2.4 to
  5.7 nights, of star and band (5 and 95 %). Light curves of 20 and more epochs of a DR5 field: 3.3 to 13
  nights. Geometric gaps whose mean is drawn from 2.2 to 10 nights give both.
- Nights with more than one exposure: 10 % (forced), 3 % (DR5 field), 70 % with three to five exposures each
  in high-cadence fields (the stars of Coughlin et al. 2021, MNRAS 505, 2954); 0.6 to 54 minutes apart. A
  fifth of the forced light curves hold a few nights with dozens of exposures.
- Seasons: complete ones last 197 to 283 days, the gaps between them 84 to 181 (10 and 90 %).
- Time of night: the standard deviation of the time of day is 0.12 d, all of the winter night.
- Brightness: stars with an alert have magnitude 13.1 (5 %), 14.9 (25 %), 16.2, 17.8 (75 %), 19.2 (95 %) in
  the reference image (706 alerts whose reference source is stellar and within 1 arcsec).
- Errors of the archive, the DR5 field (81 thousand g epochs): 0.017 to 14.8, 0.019 at 16.2, 0.030 at 17.2,
  0.058 at 18.2, 0.119 at 19.2, 0.191 at 20.2. The constants of `Noise` are a fit, within 22 % of every value
  down to 20.0, for g.

LSST, one band at a time:

- Wide survey: 56, 74, 184, 184, 160 and 160 visits in u, g, r, i, z and y in ten years, seasons of about six
  months, so 18 visits in r a season; nights come in pairs of mostly different bands (Ivezic et al. 2019).
- Deep drilling: five alert packets of 2025 have, in each band, 5 to 14 nights in 4 to 65 days, 1 to 25
  exposures a night (median 13), nights 1 to 2 days apart with gaps of up to 19.

References
----------
Bellm et al. (2019), PASP 131, 018002; Ivezic et al. (2019), ApJ 873, 111, doi:10.3847/1538-4357/ab042c.
"""

from __future__ import annotations

from schemas.surveys import LSST, ZTF, Noise
from training.reobserve.cadence import Band, Cadence, Strategy

ZTF_LIKE = Cadence(
    survey=ZTF,
    bands=(Band(name="g", share=0.45), Band(name="r", share=0.55)),
    strategies=(
        Strategy(
            share=0.6,
            duration_d=(180.0, 2400.0),
            nights_between=(2.2, 10.0),
            again=(0.03, 0.18),
            minutes_between=(0.6, 55.0),
        ),
        Strategy(
            share=0.3,
            duration_d=(180.0, 2400.0),
            nights_between=(2.2, 6.0),
            again=(0.03, 0.18),
            minutes_between=(0.6, 55.0),
            marathons=3,
        ),
        Strategy(
            share=0.1,
            duration_d=(180.0, 1500.0),
            nights_between=(1.5, 3.5),
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
    bands=(
        Band(name="u", share=0.05, sparseness=184 / 56),
        Band(name="g", share=0.15, sparseness=184 / 74),
        Band(name="r", share=0.25),
        Band(name="i", share=0.25),
        Band(name="z", share=0.2, sparseness=184 / 160),
        Band(name="y", share=0.1, sparseness=184 / 160),
    ),
    strategies=(
        Strategy(
            share=0.7,
            duration_d=(365.0, 3653.0),
            nights_between=(8.0, 20.0),
            again=(0.05, 0.3),
            minutes_between=(15.0, 45.0),
            rolling=0.4,
        ),
        Strategy(
            share=0.3,
            duration_d=(20.0, 400.0),
            nights_between=(1.2, 4.0),
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
