"""Files on their way into the library: what they are, what they hide, and what is kept of them."""
