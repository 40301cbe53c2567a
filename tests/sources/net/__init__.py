"""Tests of what IMAP and POP3 share."""
