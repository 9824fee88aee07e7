"""Tables that more than one feature uses, each with the one module that writes it."""
