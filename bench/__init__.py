"""The figures that must hold; each module is one command."""
