"""Real mails of other projects (../shared/corpus), measured against what their authors expect."""
