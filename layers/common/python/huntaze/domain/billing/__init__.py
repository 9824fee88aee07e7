"""Plans and what they allow: ``plans`` is the data, ``entitlements`` the one place that checks."""
