"""The cloud on one machine: the launcher and stand-ins for the services around Huntaze."""
