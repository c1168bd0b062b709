"""Labels: classifiers and their experiment, labels from words alone, what to label next."""
