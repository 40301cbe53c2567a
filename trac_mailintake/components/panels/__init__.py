"""What the panels of Trac's administration show and do: a view for each. `components/web_ui.py` has the panels."""
