"""A workspace that has something of everything: one row at least in each table of a tenant."""

from huntaze.ids import new_id
from tests.fakes.full_workspace import campaigns, fans, models, people
from tests.fakes.full_workspace.rows import Rows

_THINGS = (
    *("fan", "list", "segment", "media", "spare_media", "campaign", "ended_campaign", "import"),
    *("send", "recipient", "upload", "member", "plan", "draft"),
    *("invitation", "entry", "notification", "export", "erasure", "chat", "workflow"),
    "automation",
    "conversation",
    "message",
    "note",
    "quick_reply",
    *("reply", "rule"),
)


class FullWorkspace(Rows):
    """A workspace that can be filled."""

    def fill(self) -> dict[str, str]:
        """Write the rows and return their ids by what they are of."""
        ids = {f"{name}_id": new_id() for name in _THINGS}
        ids |= {"creator_id": self.creator_id, "user_id": self.user_id, "session_id": new_id()}
        fans.add_fans(self, ids)
        models.add_generation(self, ids)
        campaigns.add_campaigns(self, ids)
        campaigns.add_automation(self, ids)
        fans.add_conversation(self, ids)
        fans.add_pushes(self)
        with self.tenant.transaction() as connection:
            campaigns.add_library(self, connection, ids)
        fans.add_worker_rows(self, ids)
        models.add_chatbot(self, ids)
        people.add_session(self, ids["session_id"])
        people.add_colleague(self, ids["member_id"])
        people.add_invitation(self, ids["invitation_id"])
        people.add_kept_reply(self)
        people.add_audit(self)
        people.add_operations(self, ids["fan_id"])
        people.set_up(self)
        people.add_billing_account(self)
        people.add_data_requests(self, ids)
        people.add_notification(self, ids["notification_id"])
        models.add_chat(self, ids["chat_id"])
        return {name: str(value) for name, value in ids.items()}
