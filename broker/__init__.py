"""The worker: alerts in, variable-star classes out. Read `broker.worker` first."""

from importlib.metadata import version

__version__ = version("varstream")
