"""What a training reads real data from: arrays, data sets with len and items, iterables of batches.

Knows data and models, and nothing of steps: `batches.py` beside this folder asks a source for its next batch.
"""

from .arrays import ArraySource
from .chosen import as_source
from .items import ItemSource
from .reader import Reader
from .source import Batch, Count, DataEndedError, Order, Source, some_of
from .stream import StreamSource

__all__ = [
    "ArraySource",
    "Batch",
    "Count",
    "DataEndedError",
    "ItemSource",
    "Order",
    "Reader",
    "Source",
    "StreamSource",
    "as_source",
    "some_of",
]
