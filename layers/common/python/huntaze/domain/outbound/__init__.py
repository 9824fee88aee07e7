"""The one path of every outbound message: planned, granted, submitted, settled.

planning ──> sends (planned) ──> lanes ──> grants (submitting) ──> settlement
                 ▲                 │                                   │
                 └── rate, caps, quiet hours, suppressions             ▼
                                                     sent · not_sent · unknown
"""
