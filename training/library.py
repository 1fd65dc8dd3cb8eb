"""A classifier as a Python object: ask it, transfer it, train it, save it. `docs/library.md` shows how.

Only `Classifier.transfer`, `Classifier.train` and `Classifier.save` load torch; asking a model needs pandas
and what the worker has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features import FEATURE_NAMES
from schemas.model.artifact import Artifact
from schemas.model.manifest import Manifest, ManifestError, bin_of
from schemas.model.shipped import find_model
from schemas.model.verdict import ABSTAINED, NOVEL
from training.errors import SettingsError
from training.examples.data_frames import extractions_of, read_frame, read_labels, stars_of
from training.examples.feature_table import Extraction, FeatureTable, View
from training.measure.answers import predict
from training.measure.evaluate import load_artifact

if TYPE_CHECKING:
    from training.build_from_table import LabelledRows
    from training.network.trained_network import TrainedNetwork
    from training.release import NewModel


@dataclass(frozen=True, slots=True, repr=False)
class Classifier:
    """A model that is asked about tables of features.

    Attributes
    ----------
    artifact : Artifact
        The graph that `varstream` serves, and its manifest.
    folder : Path or None
        Where it was loaded from.
    made : NewModel or None
        Of one that was made here.
    """

    artifact: Artifact
    folder: Path | None = None
    made: NewModel | None = None

    @classmethod
    def load(cls, model: str | Path) -> Classifier:
        """Load a model folder, or a shipped model by its name, such as ``"varstream-ztf"``.

        Raises
        ------
        SettingsError
            If there is no such model, or one that this version cannot serve.
        """
        return cls(load_artifact(model), folder=find_model(model))

    @property
    def manifest(self) -> Manifest:
        """What the model is, how it was made and what was measured."""
        return self.artifact.manifest

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.manifest.classes

    def __repr__(self) -> str:
        """Return what the model is, what it learnt from and how good it is, in a line."""
        manifest = self.manifest
        parts = [f"{manifest.name} {manifest.version}: {', '.join(manifest.classes)}"]
        if "light_curves" in manifest.training:
            parts.append(f"{manifest.training['light_curves']:,} light curves")
        if manifest.training.get("unlabelled"):
            parts.append(f"{manifest.training['unlabelled']:,} rows without a label left out")
        if "all_surveys" in manifest.metrics:
            full = manifest.metrics["all_surveys"]["all"]
            parts.append(f"Mc {full['mc']:.3f} +- {full['mc_error']:.3f}")
        return f"<{'; '.join(parts)}>"

    def predict(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return what the model says about each row, by the rules of the stream.

        The answer to a merged curve (``view`` "merged") is the fused one, of all bands of the star, if the
        model gives such answers; otherwise rows of several bands are not scored.

        Parameters
        ----------
        table : DataFrame
            Of `light_curve_features`, in any order, with any further columns.

        Returns
        -------
        DataFrame
            With the index of `table`: ``label`` (missing where not scored, where no class is probable enough
            for the model, or where the light curve is too odd), ``probability`` of the most probable class,
            ``p_CLASS`` of each class (float64, NaN where not scored), ``novelty`` (share of the calibration
            stars that are at least as odd; NaN where not scored or where the model says nothing of it),
            ``withheld`` (why a scored row has no label, ``ABSTAINED``, ``NOVEL`` or both joined by ``|``; ''
            otherwise), ``scored`` (bool), ``out_of_range`` (names, joined by ``|``, of
            the features that were clipped to the range of training), ``expected_accuracy`` (of the most
            probable class of test stars with about as many epochs; NaN where not scored or not stated).

        Raises
        ------
        SettingsError
            If the table cannot be read, or was measured in another way than the model was trained with.
        """
        asked = read_frame(table)
        self._check_measured_alike(table)
        said = predict(self.artifact, asked)
        each = said.verdicts.probabilities
        return pd.DataFrame(
            {
                "label": said.labels,
                "probability": said.verdicts.probability,
                **{f"p_{name}": each[:, j] for j, name in enumerate(self.classes)},
                "novelty": said.verdicts.novelty,
                "withheld": [_withheld(words) for words in said.status_words],
                "scored": said.scored,
                "out_of_range": [_names(bits) for bits in said.out_of_range],
                "expected_accuracy": np.where(said.scored, self._expected(asked), np.nan),
            },
            index=table.index,
        )

    def transfer(
        self,
        table: pd.DataFrame,
        labels: Sequence[object] | pd.Series,
        *,
        layers: str | None = None,
        over_sample: bool = False,
        weight_classes: bool = False,
        seed: int = 0,
    ) -> Classifier:
        """Fit the model to other classes or another survey (Kim et al. 2021, section 4).

        Every star is also judged by a network that was not fitted to it: `manifest` holds what came of it. Of
        stars that this model itself has learnt from that is optimistic, and a table does not tell which they
        are; ``varstream-train transfer`` can, from light curves.

        Parameters
        ----------
        table : DataFrame
            Of `light_curve_features`. Rows of one star, such as its bands or shortened versions, have one
            index or one value in a column ``star``.
        labels : sequence or Series of str
            Class of each row, several joined by ``|``; rows of None, NaN or '' are left out.
        layers : str, optional
            ``"every-layer"`` or ``"last-layer"``; by default the last with fewer than 800 labelled rows.
        over_sample, weight_classes : bool
            Repeat examples of rare classes, or weigh them more (Kim et al. 2021, Appendix).
        seed : int
            Of folds and fit.

        Raises
        ------
        SettingsError, TrainingError
            If the table or the labels cannot make a classifier, or the model's weights cannot be read.
        """
        from training.build_from_table import Making, transfer_rows  # noqa: PLC0415 - torch

        rows = _labelled_rows(table, labels)
        self._check_measured_alike(table)
        how = f"layers={layers!r}, over_sample={over_sample}, weight_classes={weight_classes}, seed={seed}"
        making = Making(
            extraction=_extraction(self.manifest),
            over_sample=over_sample,
            weight_classes=weight_classes,
            seed=seed,
            command=f"Classifier.transfer(table, labels, {how})",
        )
        return _made(transfer_rows(rows, self._weights(), self.manifest, layers, making))

    @classmethod
    def train(
        cls,
        table: pd.DataFrame,
        labels: Sequence[object] | pd.Series,
        *,
        over_sample: bool = False,
        weight_classes: bool = False,
        seed: int = 0,
    ) -> Classifier:
        """Train a network of random weights; parameters and errors are those of `transfer`."""
        from training.build_from_table import Making, train_rows  # noqa: PLC0415 - torch

        rows = _labelled_rows(table, labels)
        ways = extractions_of(table)
        if len(ways) > 1:
            raise SettingsError(
                f"the table was measured in different ways, {_way(ways[0])} and {_way(ways[1])}: measure all "
                "of its rows alike"
            )
        how = f"over_sample={over_sample}, weight_classes={weight_classes}, seed={seed}"
        making = Making(
            extraction=ways[0] if ways else Extraction(),
            over_sample=over_sample,
            weight_classes=weight_classes,
            seed=seed,
            command=f"Classifier.train(table, labels, {how})",
        )
        return _made(train_rows(rows, making))

    def save(self, folder: str | Path, *, name: str = "custom", version: str = "1.0.0") -> None:
        """Write a model folder for `load`, ``varstream run --model`` and ``varstream-train``.

        Parameters
        ----------
        folder : str or Path
            Made where it does not exist; a model that is there is replaced.
        name, version : str
            Of the model, published with every score.

        Raises
        ------
        SettingsError
            If the model was loaded and not made, or a name is empty.
        TrainingError
            If the folder cannot be written.
        """
        if self.made is None:
            where = "in a folder" if self.folder is None else f"in {self.folder}"
            raise SettingsError(f"the model is already {where}: copy the folder")
        if not name or not version:
            raise SettingsError(f"a model needs a name and a version, got {name!r} and {version!r}")
        manifest = replace(self.manifest, name=name, version=version)
        replace(self.made, manifest=manifest).write(Path(folder))

    def _weights(self) -> TrainedNetwork:
        from training.artifact.export import read_model  # noqa: PLC0415 - torch

        if self.made is not None:
            return self.made.network
        if self.folder is None:
            raise SettingsError("the classifier has neither weights nor a folder: use Classifier.load")
        try:
            return read_model(self.folder)[0]
        except ManifestError as exc:
            raise SettingsError(str(exc)) from exc

    def _check_measured_alike(self, table: pd.DataFrame) -> None:
        wanted = _extraction(self.manifest)
        other = next((way for way in extractions_of(table) if way != wanted), None)
        if other is not None:
            raise SettingsError(
                f"the table was measured with {_way(other)}, the model wants {_way(wanted)}: "
                f"call light_curve_features with {_way(wanted)}"
            )

    def _expected(self, asked: FeatureTable) -> NDArray[np.float64]:
        """Accuracy (n,) that the manifest states for the numbers of epochs; NaN where it states none."""
        fused = (asked.view == View.MERGED) & (asked.n_bands > 1)
        of_fused = () if self.manifest.fused is None else self.manifest.fused["reliability"]
        stated = [
            bin_of(of_fused if together else self.manifest.reliability, int(count))
            for count, together in zip(asked.n_epochs, fused, strict=True)
        ]
        return np.array([np.nan if each is None else each["accuracy"] for each in stated], np.float64)


def _labelled_rows(table: pd.DataFrame, labels: Sequence[object] | pd.Series) -> LabelledRows:
    from training.build_from_table import LabelledRows  # noqa: PLC0415 - torch

    features = read_frame(table)
    names = np.array([str(name) for name in table.index], dtype=np.str_)
    return LabelledRows(features, read_labels(table, labels), stars_of(table), names)


def _made(new: NewModel) -> Classifier:
    """Return the classifier of a new model, asked through the same graph as when it is served."""
    from training.artifact.export import write_model  # noqa: PLC0415 - torch

    with TemporaryDirectory() as folder:
        write_model(Path(folder), new.network, new.manifest)
        return Classifier(Artifact.load(Path(folder)), made=new)


def _extraction(manifest: Manifest) -> Extraction:
    return Extraction(convention=manifest.convention, clip_sigma=manifest.clip_sigma)


def _way(extraction: Extraction) -> str:
    return f"convention={extraction.convention!r}, clip_sigma={extraction.clip_sigma}"


def _withheld(words: Sequence[str]) -> str:
    return "|".join(name for name in (ABSTAINED, NOVEL) if name in words)


def _names(bits: int) -> str:
    return "|".join(name for j, name in enumerate(FEATURE_NAMES) if int(bits) >> j & 1)
