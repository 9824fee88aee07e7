"""Campaigns: drafted, judged, approved, released to the lanes, summarised."""
