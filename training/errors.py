"""Errors that `varstream-train` tells its user in one line, sorted by the exit code."""

from __future__ import annotations


class TrainingError(Exception):
    """The data or a model cannot be used as asked: exit code 1."""

    exit_code = 1


class SettingsError(TrainingError):
    """The command line or its files cannot work: nothing was started, exit code 2."""

    exit_code = 2
