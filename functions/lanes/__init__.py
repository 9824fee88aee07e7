"""Lanes with due work: woken every minute, in case a wake-up was lost."""
