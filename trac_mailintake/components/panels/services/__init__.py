"""The admin panel *Mail Intake / Services*."""
