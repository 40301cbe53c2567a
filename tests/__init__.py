"""The tests mirror the package; `servers` are real ones, `house` looks after the code itself."""
