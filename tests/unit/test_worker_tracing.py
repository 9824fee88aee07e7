"""The worker's part of a trace: what X-Ray gets of each message, and what it costs the sends."""

import asyncio
import json
import time
from datetime import UTC, datetime

import boto3
import pytest
from moto import mock_aws

from browser_worker import tracing
from browser_worker.steps import Step, nobody
from browser_worker.tracing import Tracer, put_segments
from huntaze import clients, correlation
from huntaze.ids import new_id
from huntaze.tracing import Trace, document, new_part, new_trace, parse


@pytest.fixture
def trace():
    return new_trace(datetime.now(UTC))


@pytest.fixture
def put():
    """Takes batches instead of X-Ray."""

    def take(documents):
        take.batches.append([json.loads(one) for one in documents])

    take.batches = []
    return take


def test_a_message_is_a_segment_below_what_released_it(trace, put):
    tracer = Tracer(put)
    send_id = new_id()
    told = []
    with (
        correlation.within(None, trace=str(trace), send_id=send_id) as work,
        tracer.message(told.append) as watch,
    ):
        watch(Step.OPENED)
        watch(Step.SETTLED)
    asyncio.run(tracer.flush())
    ((segment,),) = put.batches
    assert (segment["trace_id"], segment["parent_id"]) == (trace.root, trace.parent)
    assert segment["name"] == "browser_worker"
    assert segment["annotations"] == {
        "correlation_id": str(work.correlation_id),
        "send_id": str(send_id),
    }
    assert [part["name"] for part in segment["subsegments"]] == ["opened", "settled"]
    assert "fault" not in segment
    # Whoever watched before still does.
    assert told == [Step.OPENED, Step.SETTLED]


def test_trouble_is_a_fault_and_stays_trouble(trace, put):
    tracer = Tracer(put)
    with (
        pytest.raises(LookupError),
        correlation.within(None, trace=str(trace)),
        tracer.message(nobody),
    ):
        raise LookupError
    asyncio.run(tracer.flush())
    assert put.batches[0][0]["fault"] is True


@pytest.mark.parametrize("header", [None, "nonsense", "unsampled"])
def test_what_is_not_sampled_is_not_told(trace, put, header):
    tracer = Tracer(put)
    if header == "unsampled":
        header = str(trace._replace(sampled=False))
    with correlation.within(None, trace=header), tracer.message(nobody) as watch:
        assert watch is nobody
    asyncio.run(tracer.flush())
    assert put.batches == []


def test_a_trace_is_not_filled_with_a_campaign(trace, put):
    tracer = Tracer(put)
    for _ in range(tracing.MOST_OF_A_TRACE + 50):
        with correlation.within(None, trace=str(trace)), tracer.message(nobody):
            pass
    asyncio.run(tracer.flush())
    assert sum(len(batch) for batch in put.batches) == tracing.MOST_OF_A_TRACE
    assert {len(batch) for batch in put.batches} == {tracing.BATCH}


def test_a_trace_that_is_over_is_followed_by_another(put):
    week_ago = int(time.time()) - 8 * 24 * 3600
    old = Trace(f"1-{week_ago:08x}-{'a' * 24}", "b" * 16, sampled=True)
    tracer = Tracer(put)
    with correlation.within(None, trace=str(old)) as work, tracer.message(nobody):
        pass
    asyncio.run(tracer.flush())
    ((segment,),) = put.batches
    assert segment["trace_id"] != old.root
    # Found by the id all the same.
    assert segment["annotations"]["correlation_id"] == str(work.correlation_id)


def test_x_ray_away_harms_nothing_and_fills_no_memory(trace):
    def fail(_):
        raise ConnectionError

    tracer = Tracer(fail)
    for _ in range(3):
        with correlation.within(None, trace=str(trace)), tracer.message(nobody):
            pass
        asyncio.run(tracer.flush())


def test_where_there_is_no_x_ray_nothing_is_collected(trace):
    with correlation.within(None, trace=str(trace)), Tracer(None).message(nobody) as watch:
        assert watch is nobody


def test_one_trace_leads_through_api_workflow_and_worker(trace, monkeypatch):
    """X-Ray itself (moto's) puts the parts together by what each of us sends."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("xray", region_name="us-east-1")
        monkeypatch.setattr(clients, "xray", lambda: client)
        now = time.time()
        # As API Gateway and Step Functions tell of themselves.
        workflow = new_part()
        for name, part, place in (
            ("api", trace.parent, trace.below(new_part())),
            ("workflow", workflow, trace),
        ):
            told = document(name, place, part, started=now - 2, ended=now - 1, annotations={})
            put_segments([json.dumps(told)])
        tracer = Tracer(put_segments)
        with (
            correlation.within(None, trace=str(trace.below(workflow))),
            tracer.message(nobody) as watch,
        ):
            watch(Step.CLICKED)
        asyncio.run(tracer.flush())
        (found,) = client.batch_get_traces(TraceIds=[trace.root])["Traces"]
    parts = [json.loads(one["Document"]) for one in found["Segments"]]
    parents = {one["name"]: one["parent_id"] for one in parts}
    assert parents["workflow"] == trace.parent
    assert parents["browser_worker"] == workflow


@pytest.mark.parametrize(
    ("header", "root"),
    [
        ("Root=1-66e8a0f0-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=1", True),
        ("Self=1;Root=1-66e8a0f0-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=0", True),
        ("Root=1-66e8a0f0-0123456789abcdef01234567;Sampled=1", False),
        ("Root=1-66e8a0f0-XYZ;Parent=0123456789abcdef;Sampled=1", False),
        ("what a fan wrote", False),
        ("", False),
    ],
)
def test_only_whole_headers_are_read(header, root):
    found = parse(header)
    assert (found is not None) == root
    if found is not None:
        assert parse(str(found)) == found
