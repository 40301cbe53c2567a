"""Tests of `trac_mailintake.intake.settings`."""
