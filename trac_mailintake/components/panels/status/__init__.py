"""The admin panel *Mail Intake / Status*."""
