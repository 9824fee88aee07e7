"""Settings of the sender."""

from huntaze.settings import Settings


class MailerSettings(Settings):
    """Whom mails come from, and where their links lead."""

    mail_sender: str
    app_url: str
    # None where nobody listens to what becomes of mails.
    mail_configuration_set: str | None = None
