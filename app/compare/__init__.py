"""The page Compare: designs side by side, what differs, and where one overtakes another."""
