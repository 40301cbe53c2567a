"""Steps from one version of the schema to the next: `dbN.py` with `do_upgrade(env, version, cursor)`."""
