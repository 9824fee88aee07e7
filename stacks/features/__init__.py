"""One module a feature: its functions, what each may do, and the routes that reach them."""
