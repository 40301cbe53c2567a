"""fetch: what IMAP and POP3 share on the wire: encryption, quotas, time-outs, transcripts."""
