"""What a message is, on mails written for the purpose."""
