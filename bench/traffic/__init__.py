"""A day of requests to models, labelled with what each may cost."""
