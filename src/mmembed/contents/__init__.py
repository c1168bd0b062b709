"""What a cell is, and how a picture or clip is opened: one answer for model, wire and page."""
