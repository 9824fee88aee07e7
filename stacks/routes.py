"""Which function answers which path; the features fill it, the Api stack makes it true."""

from collections.abc import Iterable
from dataclasses import dataclass

from stacks.feature_function import FeatureFunction


@dataclass(frozen=True)
class Route:
    """One path and the slice whose function answers there."""

    slice_name: str
    path: str
    method: str
    public: bool


class RouteTable:
    """The routes of the stage."""

    def __init__(self) -> None:
        self.all: list[Route] = []

    def serve(
        self,
        function: FeatureFunction,
        paths: Iterable[str],
        *,
        method: str = "ANY",
        public: bool = False,
    ) -> None:
        """Send the requests for ``paths`` to ``function``.

        Args:
            function: The feature.
            paths: From the root, e.g. ``/api/content/{proxy+}``.
            method: The one HTTP method, or ``ANY``.
            public: Whether strangers may call it; otherwise the authorizer decides.
        """
        self.all.extend(Route(function.slice_name, path, method, public) for path in paths)
