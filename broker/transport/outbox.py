"""The outbox: what a batch publishes, as messages to the topics of its kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from broker.alert import Annotation, DeadLetter
from broker.batch import Batch
from broker.classify.encoding import Format, encoder, headers, published
from broker.photometry.partitioner import partition_of
from broker.transport.kafka_producer import Message


def annotation_message(
    annotation: Annotation, topic: str, form: Format, encode: Callable[[dict[str, Any]], bytes]
) -> Message:
    """Return an annotation as the message that it leaves as."""
    return Message(topic, encode(published(annotation)), annotation.key.encode(), headers(annotation, form))


def dead_letter_message(letter: DeadLetter, topic: str, max_bytes: int) -> Message:
    """Return a dead letter as a message, cut so that it has at most `max_bytes`."""
    tags, value = letter.as_message(max_bytes)
    return Message(topic, value, None, tags)


class ClassifiedOutbox:
    """Annotations and dead letters."""

    def __init__(
        self,
        topic: str,
        dead_letter_topic: str,
        form: Format,
        *,
        schema_id: int | None,
        max_letter_bytes: int,
    ) -> None:
        self._topic = topic
        self._dead_letter_topic = dead_letter_topic
        self._form = form
        self._encode = encoder(form, schema_id=schema_id)
        self._max_letter_bytes = max_letter_bytes

    def __call__(self, batch: Batch) -> list[Message]:
        """Return what a batch publishes, in its order."""
        return [
            *(annotation_message(a, self._topic, self._form, self._encode) for a in batch.annotations),
            *(
                dead_letter_message(letter, self._dead_letter_topic, self._max_letter_bytes)
                for letter in batch.dead_letters
            ),
        ]


class IngestedOutbox:
    """Photometry, each object in the partition where it lives, and dead letters."""

    def __init__(
        self, topic: str, dead_letter_topic: str, *, n_partitions: int, max_letter_bytes: int
    ) -> None:
        self._topic = topic
        self._dead_letter_topic = dead_letter_topic
        self._n_partitions = n_partitions
        self._max_letter_bytes = max_letter_bytes

    def __call__(self, batch: Batch) -> list[Message]:
        """Return what a batch hands on, in its order."""
        return [
            *(
                Message(self._topic, value, key.encode(), (), partition_of(key, self._n_partitions))
                for key, value in batch.photometry
            ),
            *(
                dead_letter_message(letter, self._dead_letter_topic, self._max_letter_bytes)
                for letter in batch.dead_letters
            ),
        ]


def letter_limit(configured: int, limits: Mapping[str, int], topic: str) -> int:
    """Return how long a dead letter may be: as configured, or less where its topic takes less."""
    return min(configured, limits.get(topic, configured))
