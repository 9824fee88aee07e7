"""A web application that behaves like a fan platform and keeps the truth of what it accepted."""
