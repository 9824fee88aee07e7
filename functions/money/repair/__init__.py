"""An operator's order to compute values anew."""
