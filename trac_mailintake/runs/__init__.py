"""The use cases behind commands, panels and pipes. Nothing here prints, and nothing is a Trac component.

`run_services` is cron's run; `run_service` is one round of one service, whoever starts it; `deliver` takes a mail from
a pipe; `round_trip` sends a probe; `explain` decides about a mail and writes nothing.
"""
