"""The default policy, rule by rule, on fakes of the ports."""
