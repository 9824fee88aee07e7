"""What can stand in the way on a page, told apart by a stable code.

Trouble
├── SessionExpired      the creator has to log in again
├── LoginRefused        the platform does not take the credentials
├── Challenge           the platform wants a person
│   ├── CaptchaChallenge
│   └── TwoFactorChallenge
├── RatePage            the platform says that we are too fast
├── FanBlocked          the fan does not take messages from this creator
├── FanGone             the fan's account does not exist any more
├── WrongThread         the page shows another fan than the one we write to
├── MediaMissing        the creator's vault does not hold what is to be attached
├── MessageTooOld       the message is further back in its thread than we look
├── SelectorDrift       the page is not built as the profile says
├── RendererCrash       the page or the browser died
├── NavigationTimeout   the page did not answer in time
└── ServerError         the platform failed
"""

from typing import ClassVar


class Trouble(Exception):  # noqa: N818 - the name of what happened, not of a defect
    """Something on the page stands in the way."""

    code: ClassVar[str]
    stops_creator: ClassVar[bool] = False


class SessionExpired(Trouble):
    """The creator has to log in again."""

    code = "session_expired"
    stops_creator = True


class LoginRefused(Trouble):
    """The platform does not take the credentials or the code."""

    code = "login_refused"
    stops_creator = True


class Challenge(Trouble):
    """The platform wants a person; nothing here ever tries to get around that."""

    stops_creator = True


class CaptchaChallenge(Challenge):
    """The platform asks for a captcha."""

    code = "captcha"


class TwoFactorChallenge(Challenge):
    """The platform asks for a code that only the creator has."""

    code = "two_factor"


class RatePage(Trouble):
    """The platform says that we are too fast."""

    code = "rate_page"


class FanBlocked(Trouble):
    """The fan does not take messages from this creator."""

    code = "fan_blocked"


class FanGone(Trouble):
    """The fan's account does not exist any more."""

    code = "fan_gone"


class WrongThread(Trouble):
    """The page shows another fan than the one we write to."""

    code = "wrong_thread"


class MediaMissing(Trouble):
    """The creator's vault does not hold what is to be attached."""

    code = "media_missing"


class MessageTooOld(Trouble):
    """The message is further back in its thread than we look."""

    code = "message_too_old"


class SelectorDrift(Trouble):
    """The page is not built as the profile says.

    Attributes:
        selectors: The names, in the profile, of what was not found.
        screenshot: A picture of the page with all text masked, if one could be taken.
    """

    code = "selector_drift"

    def __init__(
        self, detail: str, *, selectors: tuple[str, ...] = (), screenshot: bytes | None = None
    ) -> None:
        super().__init__(detail)
        self.selectors = selectors
        self.screenshot = screenshot


class RendererCrash(Trouble):
    """The page or the browser died."""

    code = "renderer_crash"


class NavigationTimeout(Trouble):
    """The page did not answer in time."""

    code = "navigation_timeout"


class ServerError(Trouble):
    """The platform failed, or could not be reached."""

    code = "server_error"


SIGNED_TROUBLES: dict[str, type[Trouble]] = {
    kind.code: kind
    for kind in (
        SessionExpired,
        LoginRefused,
        CaptchaChallenge,
        TwoFactorChallenge,
        RatePage,
        FanBlocked,
        FanGone,
        ServerError,
    )
}
"""The troubles that a profile can describe a sign of."""
