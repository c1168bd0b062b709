"""Names of groups: from their texts, from a vocabulary in their own space, or by hand."""
