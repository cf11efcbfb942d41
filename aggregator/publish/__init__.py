"""What is published: feeds, subscription lists and pages, as pure functions from values to bytes."""
