"""Commands that set intake up: mail servers, services, claims on mailboxes, what JIRA had."""
