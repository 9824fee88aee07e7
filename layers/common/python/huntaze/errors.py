"""Refusals: each class is one answer that a caller can act on."""

from http import HTTPStatus
from typing import ClassVar


class HuntazeError(Exception):
    """A refusal with a sentence for the caller.

    Args:
        detail: What is wrong and what to change.
        fields: For each field of the input that is at fault, why.
    """

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self, detail: str, *, fields: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields = fields

    @property
    def code(self) -> str:
        """The stable name of the refusal: the class name without ``Error``."""
        return type(self).__name__.removesuffix("Error")


class BadRequestError(HuntazeError):
    """The request cannot be read."""

    status = HTTPStatus.BAD_REQUEST


class UnauthorizedError(HuntazeError):
    """Nobody is logged in, or the proof is no longer valid."""

    status = HTTPStatus.UNAUTHORIZED


class PaymentRequiredError(HuntazeError):
    """The workspace's plan does not include this; the sentence names the plan that does."""

    status = HTTPStatus.PAYMENT_REQUIRED


class ForbiddenError(HuntazeError):
    """The caller's role does not allow this."""

    status = HTTPStatus.FORBIDDEN


class NotFoundError(HuntazeError):
    """There is no such thing in the caller's workspace."""

    status = HTTPStatus.NOT_FOUND


class ConflictError(HuntazeError):
    """The thing is not in a state that allows this."""

    status = HTTPStatus.CONFLICT


class GoneError(HuntazeError):
    """What the caller refers to was there and is not kept any more."""

    status = HTTPStatus.GONE


class TooLargeError(HuntazeError):
    """The input passes a limit of size."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnsupportedMediaTypeError(HuntazeError):
    """The body is of a kind that the route does not take."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class InvalidInputError(HuntazeError):
    """The request is well-formed, its content is not acceptable."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class TooManyRequestsError(HuntazeError):
    """A limit is reached.

    Args:
        detail: Which limit.
        retry_after: Seconds until another try may succeed.
    """

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
