"""The admin panel *Mail Intake / Journal*, the page of one mail, and the links from tickets."""
