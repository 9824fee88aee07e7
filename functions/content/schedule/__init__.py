"""The schedule of content: a calendar of what a creator means to publish, in local time."""
