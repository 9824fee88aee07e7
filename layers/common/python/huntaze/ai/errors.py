"""Why there is no answer of a model: each class is one thing that a caller can act on."""

from http import HTTPStatus

from huntaze.errors import HuntazeError, InvalidInputError, TooManyRequestsError


class UnknownTaskError(InvalidInputError):
    """The type of the task is not one that the router knows."""


class UnknownModelError(InvalidInputError):
    """The catalogue has no such model."""


class PromptTooLongError(InvalidInputError):
    """The prompt and its answer do not fit into any model that may work on it."""


class BudgetUsedUpError(TooManyRequestsError):
    """The workspace's budget for AI has no room for this; the reset is in ``Retry-After``."""


class NoAnswerError(HuntazeError):
    """No provider answered in time. Nothing of the work was done; trying again is safe."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


class UnusableAnswerError(HuntazeError):
    """The models answered, twice, with something else than what was asked for."""

    status = HTTPStatus.BAD_GATEWAY


class DeclinedTextError(UnusableAnswerError):
    """The model declines to work on the text; it would again, and no other one is asked."""
