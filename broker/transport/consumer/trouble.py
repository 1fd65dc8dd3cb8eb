"""Errors that come in the place of messages, sorted by what is to be done about them."""

from __future__ import annotations

from enum import Enum, auto

from confluent_kafka import KafkaError

_NO_TOPIC_CODES = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError.UNKNOWN_TOPIC_ID,
    KafkaError.INCONSISTENT_TOPIC_ID,
)
_NO_OFFSET_CODES = (
    KafkaError._AUTO_OFFSET_RESET,
    KafkaError.OFFSET_OUT_OF_RANGE,
    KafkaError._LOG_TRUNCATION,
)
_HOPELESS_CODES = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError._BAD_MSG,  # damaged on the broker's disk: it comes again and again
    KafkaError.INVALID_MSG,
    KafkaError._BAD_COMPRESSION,
    KafkaError._FATAL,  # the client cannot go on; why it says in words alone
)


class Trouble(Enum):
    """What an error in the place of a message means for reading."""

    AT_END = auto()
    NO_TOPIC = auto()
    NO_OFFSET = auto()
    HOPELESS = auto()
    OTHER = auto()


def trouble_of(error: KafkaError) -> Trouble:
    """Sort an error; what is none of ours to act on is `Trouble.OTHER`, to be told."""
    code = error.code()
    if code == KafkaError._PARTITION_EOF:
        return Trouble.AT_END
    if code in _NO_TOPIC_CODES:
        return Trouble.NO_TOPIC
    if code in _NO_OFFSET_CODES:
        return Trouble.NO_OFFSET
    if code in _HOPELESS_CODES or error.fatal():
        return Trouble.HOPELESS
    return Trouble.OTHER
