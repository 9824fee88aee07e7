"""The sweep that tells what is due and takes up pipelines that were lost."""
