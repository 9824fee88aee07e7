"""What members are told of: ``kinds`` is the list, ``preferences`` what each of them wants."""
