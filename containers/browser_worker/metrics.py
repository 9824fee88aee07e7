"""Figures of the worker as embedded metrics; no creator and no fan is a dimension."""

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from huntaze.domain.outbound.states import Priority

NAMESPACE = "Huntaze/Sending"


def _metrics(platform: str) -> EphemeralMetrics:
    metrics = EphemeralMetrics(namespace=NAMESPACE, service="browser_worker")
    metrics.add_dimension(name="platform", value=platform)
    return metrics


def record_delivery(platform: str, outcome: str, seconds: float) -> None:
    """Record how one try to send ended and how long it took."""
    metrics = _metrics(platform)
    metrics.add_dimension(name="outcome", value=outcome)
    metrics.add_metric(name="Deliveries", unit=MetricUnit.Count, value=1)
    metrics.add_metric(name="DeliveryDuration", unit=MetricUnit.Seconds, value=seconds)
    metrics.flush_metrics()


def record_wait(platform: str, priority: int, seconds: float) -> None:
    """Record how long a message was due before its thread was opened for it."""
    metrics = _metrics(platform)
    metrics.add_dimension(name="priority", value=Priority(priority).name.lower())
    metrics.add_metric(name="DeliveryWait", unit=MetricUnit.Seconds, value=max(0.0, seconds))
    metrics.flush_metrics()


def record_read_back(platform: str, outcome: str) -> None:
    """Record what a reading of the thread settled."""
    metrics = _metrics(platform)
    metrics.add_dimension(name="outcome", value=outcome)
    metrics.add_metric(name="ReadBacks", unit=MetricUnit.Count, value=1)
    metrics.flush_metrics()


def record_trouble(platform: str, code: str) -> None:
    """Record trouble with a page."""
    metrics = _metrics(platform)
    metrics.add_dimension(name="trouble", value=code)
    metrics.add_metric(name="Troubles", unit=MetricUnit.Count, value=1)
    metrics.flush_metrics()


def record_lanes(held: int, most: int) -> None:
    """Record how many lanes this worker drains, of how many it could."""
    metrics = EphemeralMetrics(namespace=NAMESPACE, service="browser_worker")
    metrics.add_metric(name="LanesHeld", unit=MetricUnit.Count, value=held)
    metrics.add_metric(name="Utilisation", unit=MetricUnit.Percent, value=100 * held / most)
    metrics.flush_metrics()
