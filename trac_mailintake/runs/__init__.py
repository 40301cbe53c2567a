"""Use cases: what commands, panels and mail servers have done. Nothing here prints, or is a component of Trac's.

`run_services` is cron's run, `run_service` one round of one service, whoever asks for it; `deliver` takes a mail from a
pipe, `round_trip` sends a probe, `explain` decides and writes nothing.
"""
