"""The views of our panels in Trac's administration, one for each panel that `components/web_ui.py` declares."""
