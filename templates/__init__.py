"""The Jinja2 templates, installed as `trac_mailintake.templates`. Every name begins with `mailintake_`."""
