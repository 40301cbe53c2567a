"""The stages that do more than decide: claim, fetch, parse, record, dispose. `intake.spine` calls them."""
