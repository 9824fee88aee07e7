"""What every feature of Huntaze stands on."""
