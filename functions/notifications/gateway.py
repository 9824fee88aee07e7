"""Amazon SES."""

from uuid import UUID

from botocore.exceptions import ClientError

from functions.notifications.models import Letter
from functions.notifications.rendering import LOGO_ID, logo
from functions.notifications.service import MailPostponedError, MailRefusedError
from huntaze import clients

# What SES says of a mail that it would refuse again.
_FOR_GOOD = frozenset({"MessageRejected", "BadRequestException"})
# What it says of one that it has not taken, but may take later.
_FOR_NOW = frozenset(
    {
        *("TooManyRequestsException", "LimitExceededException", "SendingPausedException"),
        *("AccountSuspendedException", "MailFromDomainNotVerifiedException"),
    }
)


class Ses:
    """A sender of one address.

    Args:
        sender: Name and address that mails come from.
        configuration_set: Where SES tells what became of them; None where nobody listens.
    """

    def __init__(self, sender: str, configuration_set: str | None) -> None:
        self._sender = sender
        self._more = {"ConfigurationSetName": configuration_set} if configuration_set else {}

    def send(self, letter: Letter, mail_id: UUID) -> str:
        """Hand a letter over and return the service's id of it.

        Raises:
            MailRefusedError: It will never be taken.
            MailPostponedError: It was not taken this time.
        """
        try:
            answer = clients.mail().send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [letter.to]},
                Content={
                    "Simple": {
                        "Subject": {"Data": letter.subject, "Charset": "UTF-8"},
                        "Body": {
                            "Text": {"Data": letter.text, "Charset": "UTF-8"},
                            "Html": {"Data": letter.html, "Charset": "UTF-8"},
                        },
                        "Attachments": [
                            {
                                "FileName": "logo.png",
                                "RawContent": logo(),
                                "ContentType": "image/png",
                                "ContentId": LOGO_ID,
                                "ContentDisposition": "INLINE",
                                "ContentTransferEncoding": "BASE64",
                            }
                        ],
                        # Nobody answers with "I am on holiday" to a machine.
                        "Headers": [{"Name": "Auto-Submitted", "Value": "auto-generated"}],
                    }
                },
                # By it, what SES tells of the mail is found again.
                EmailTags=[{"Name": "mail_id", "Value": str(mail_id)}],
                **self._more,  # type: ignore[arg-type]
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _FOR_GOOD:
                raise MailRefusedError(code) from error
            if code in _FOR_NOW:
                raise MailPostponedError(code) from error
            raise
        return answer["MessageId"]
