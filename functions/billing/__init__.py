"""Plans, payments and what Stripe says about them."""
