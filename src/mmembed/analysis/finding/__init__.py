"""What is near what: search, joins, near duplicates, outliers."""
