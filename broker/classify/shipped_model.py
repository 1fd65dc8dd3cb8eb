"""The folder of the model that varstream is shipped with."""

from __future__ import annotations

from pathlib import Path

from broker.errors import ConfigError


def shipped_model() -> Path:
    """Folder of the default model: inside the installed package, or in the checkout's ``deploy/models``.

    Raises
    ------
    ConfigError
        If neither place has one.
    """
    package = Path(__file__).resolve().parents[1]
    folders = [package / "models", package.parent / "deploy" / "models"]
    for models in folders:
        default = models / "default"
        if default.is_file():
            return models / default.read_text(encoding="utf-8").strip()
    raise ConfigError(f"no model is installed in {' or '.join(map(str, folders))}: name one with --model")
