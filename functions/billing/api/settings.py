"""Settings of the routes that members call."""

from huntaze.settings import Settings


class BillingSettings(Settings):
    """Which front ends Stripe may send people back to."""

    allowed_origins: str

    @property
    def origins(self) -> list[str]:
        """The origins, the front end's own first."""
        return self.allowed_origins.split(",")
