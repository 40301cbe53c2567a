"""Commands for setting up: mail servers, services, ownership of mailboxes, import from JIRA."""
