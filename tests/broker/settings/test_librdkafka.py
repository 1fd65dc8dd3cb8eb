from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from broker.settings.librdkafka import check_consumer_settings, heartbeat_ms, session_ms


@given(st.integers(3, 3_600_000).flatmap(lambda ms: st.sampled_from([ms, str(ms)])))
def test_a_member_says_that_it_lives_three_times_a_session_however_short_it_is(session):
    # the advice of Kafka's own documentation of heartbeat.interval.ms: at most a third of the session
    settings = {"session.timeout.ms": session}
    check_consumer_settings(settings)
    assert session_ms(settings) == int(session)
    assert 0 < 3 * heartbeat_ms(settings) <= session_ms(settings)
    assert heartbeat_ms(settings) <= 3_000
