"""What operators run against a stage; never deployed."""
