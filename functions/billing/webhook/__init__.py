"""The route that Stripe calls."""
