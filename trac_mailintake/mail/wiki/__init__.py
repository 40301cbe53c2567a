"""parse: Trac's wiki text: how a stranger's text is escaped, cut, and kept cheap to render."""
