"""The routes of a member's own notifications."""
