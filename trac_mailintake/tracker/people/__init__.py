"""screen, record: who somebody is to Trac, by address; accounts and contacts."""
