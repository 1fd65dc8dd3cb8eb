"""The worker: alerts in, variable-star classes out. Read `broker.worker` first.

Nothing here trains a model or imports what does.
"""

from importlib.metadata import version

__version__ = version("varstream")
