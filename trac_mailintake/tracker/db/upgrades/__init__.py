"""Steps from one version of the schema to the next: `dbN.py` with `do_upgrade(env, version, cursor)`.

`trac-admin ENV upgrade` calls them. A step consists of parts, each of which can be repeated from wherever it died,
since MariaDB commits each change of a table by itself.
"""
